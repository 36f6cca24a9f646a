#!/usr/bin/perl
# Is every read there, once? For the aligner of somebody else, whose results are not taken on trust.
#   check_reads.pl fastq < FASTQ > COUNT_AND_SUM
#     How many reads, and a sum over their names in which the order does not matter.
#   check_reads.pl sam COUNT SUM DICT ID SAMPLE LIBRARY PLATFORM < SAM > SAM
#     Records grouped by read name, every read of every pair once as primary, the contigs of DICT. Out come the same
#     records with our read group in the place of any other, and the number of pairs as a comment of the header.
# Bad: exit 70 (fastq: 65; 74 when nobody reads on) and one sentence on stderr. Written for perl-base, which every Debian image has.
use strict;
use warnings;

my ($mode, @words) = @ARGV;
exit($mode eq 'fastq' ? fastq() : sam(@words));

sub bad {
    my ($code, $reason) = @_;
    $reason =~ s/[^ -~]/?/g;
    print STDERR "$reason\n";
    exit $code;
}

# Words of four letters, added up, then squared: no other name can stand in for a missing one by its letters alone.
sub sum_of {
    use integer;
    my $sum = unpack('%64N*', "$_[0]\0\0\0");
    return $sum * $sum + $sum;
}

sub fastq {
    use integer;
    my ($reads, $total) = (0, 0);
    while (defined(my $head = <STDIN>)) {
        last if $head =~ /^\r?\n?\z/;
        my ($sequence, $plus, $quality) = (scalar <STDIN>, scalar <STDIN>, scalar <STDIN>);
        my $line = 4 * $reads + 1;
        defined $quality or bad(65, "line $line: the last record is cut: it has fewer than 4 lines");
        my ($name) = $head =~ /^\@([^ \t\r\n]+)/ or bad(65, "line $line: a read must begin with \@ and a name");
        $name =~ s{/[12]\z}{};
        $reads++;
        $total += sum_of($name);
    }
    print "$reads $total\n";
    return 0;
}

sub sam {
    my ($pairs, $names, $dict, $id, $sample, $library, $platform) = @_;
    my @contigs = contigs($dict);
    my $ours    = "\@RG\tID:$id\tSM:$sample\tLB:$library\tPL:$platform\n\@CO\tbiojobs:pairs:$pairs\n";
    my ($count, $sum) = records(header(\@contigs, $ours), "\tRG:Z:$id\n");
    close STDOUT or bad(74, "the records could not be handed on: $!");
    for my $mate (1, 2) {
        $count->[$mate] == $pairs or bad(70, "it has $count->[$mate] reads of R$mate, the FASTQ file has $pairs");
        $sum->[$mate] eq $names
            or bad(70, "the reads of R$mate have other names than in the FASTQ file, or one is there twice, another not");
    }
    return 0;
}

sub contigs {
    open my $file, '<', $_[0] or bad(70, "$_[0] cannot be read: $!");
    return map { /^\@SQ\t/ ? contig($_) : () } <$file>;
}

sub contig {
    my ($name)   = $_[0] =~ /\tSN:([^\t\r\n]+)/;
    my ($length) = $_[0] =~ /\tLN:(\d+)/;
    return join "\t", '@SQ', 'SN:' . ($name // ''), 'LN:' . ($length // '');
}

# header CONTIGS OUR_LINES -> the first record, if there is one. Programs and comments are kept.
sub header {
    my ($contigs, $ours) = @_;
    my ($line, @found, @kept);
    while (defined($line = <STDIN>)) {
        last if substr($line, 0, 1) ne '@';
        push @found, contig($line) if $line =~ /^\@SQ\t/;
        push @kept, $line if $line =~ /^\@(?:PG|CO)\t(?!biojobs:)/;
    }
    for my $at (0 .. (@found > @$contigs ? $#found : $#$contigs)) {
        my ($is, $should) = ($found[$at] // 'none', $contigs->[$at] // 'none');
        next if $is eq $should;
        tr/\t/ / for $is, $should;
        bad(70, 'contig ' . ($at + 1) . " of the header is $is, in the reference it is $should");
    }
    print "\@HD\tVN:1.6\tSO:unsorted\tGO:query\n", map({"$_\n"} @$contigs), $ours, @kept;
    return $line;
}

sub records {
    use integer;
    my ($record, $group) = @_;
    my (@count, @sum, @primary);
    my $name = '';
    @count = @sum = (0, 0, 0);
    while (defined $record) {
        my ($this, $flag) = split /\t/, $record, 3;
        defined $flag && $flag =~ /^\d+\z/ or bad(70, "here is no record: '" . substr($record, 0, 60) . "'");
        if ($this ne $name) {
            once($name, @primary) if $name ne '';
            ($name, @primary) = ($this, 0, 0, 0);
        }
        $flag & 1 or bad(70, "read $this is not told to be one of a pair (flag $flag)");
        my $mate = ($flag & 0xC0) == 0x40 ? 1 : ($flag & 0xC0) == 0x80 ? 2 : 0;
        $mate or bad(70, "read $this is told to be neither R1 nor R2 of its pair (flag $flag)");
        if (!($flag & 0x900)) {
            $primary[$mate]++;
            $count[$mate]++;
            $sum[$mate] += sum_of($this);
        }
        $record =~ s/\tRG:Z:[^\t\n]*//;
        chomp $record;
        print $record, $group or bad(74, "the records could not be handed on: $!");
        $record = <STDIN>;
    }
    once($name, @primary) if $name ne '';
    return (\@count, \@sum);
}

sub once {
    my ($name, undef, $one, $two) = @_;
    return if $one == 1 && $two == 1;
    bad(70, "read $name has $one primary records for R1 and $two for R2 beside each other, not one each:"
            . ' leave the records grouped by read name, and every read in');
}
