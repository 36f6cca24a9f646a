#!/usr/bin/perl
# check_fastq.pl < FASTQ > FACTS: reads the whole of a FASTQ file (4 lines a record) and says whether it is one.
# Good: exit 0 and one JSON object on stdout. Bad: exit 65 and "line N: reason" on stderr.
# Written for perl-base, which every Debian image has; about 200 MB/s.
use strict;
use warnings;

my ($reads, $bases, $quality_sum, $line) = (0, 0, 0, 0);
my ($first, $last, $mate, $shortest, $longest) = ('', '', undef, undef, 0);
my ($low, $high) = (0, 0);    # a quality below Q26, above Q46 (both as Phred+33)

sub bad {
    my ($at, $reason) = @_;
    print STDERR "line $at: $reason\n";
    # A damaged gzip file gives odd text before gzip sees the damage: let it come a little further (256 MB)
    for (1 .. 256) { read(STDIN, my $rest, 1 << 20) or last }
    exit 65;
}

sub shown {
    my $text = substr($_[0], 0, 60);
    $text =~ s/\r?\n\z//;
    $text =~ s/[^ -~]/?/g;
    return "'$text'";
}

sub json {
    my $text = $_[0];
    $text =~ s/(["\\])/\\$1/g;
    $text =~ s/[^ -~]/?/g;
    return "\"$text\"";
}

# The names, without what tells the mates apart, go through sha256sum: two files of a pair must give the same sum.
my $pid = open(my $names, '|-', "sha256sum >&3") or die "cannot run sha256sum: $!\n";

while (defined(my $head = <STDIN>)) {
    $line++;
    if ($head =~ /^\r?\n?\z/) {    # empty lines at the end are harmless, elsewhere they are not
        my $at = $line;
        while (defined(my $rest = <STDIN>)) {
            bad($at, 'an empty line instead of a read name') if $rest !~ /^\r?\n?\z/;
        }
        last;
    }
    my $sequence = <STDIN>;
    my $plus     = <STDIN>;
    my $quality  = <STDIN>;
    substr($head, 0, 1) eq '@' or bad($line, 'a read must begin with @, here is ' . shown($head));
    my $there = defined $plus ? 2 : defined $sequence ? 1 : 0;
    defined $quality or bad($line + $there, 'the last record is cut: it has fewer than 4 lines');
    s/\r?\n\z// for $head, $sequence, $plus, $quality;
    my $length = length $sequence;
    if ($sequence =~ tr/ACGTNacgtn// != $length and $sequence =~ /([^ACGTNRYSWKMBDHVUacgtnryswkmbdhvu.])/) {
        bad($line + 1, 'illegal base ' . shown($1) . ' in the sequence');
    }
    substr($plus, 0, 1) eq '+'
        or bad($line + 2, 'the third line of a record must begin with +, here is ' . shown($plus));
    length($quality) == $length or bad($line + 3, "$length bases but " . length($quality) . ' qualities');
    bad($line + 3, 'illegal quality ' . shown($1)) if $quality =~ /([^!-~])/;

    my ($name, $rest) = split /[ \t]/, substr($head, 1), 2;
    defined $name && length $name or bad($line, 'a read without a name');
    my $this = $name =~ s{/([12])\z}{} ? $1 : defined $rest && $rest =~ /^([12]):/ ? $1 : 0;
    $mate = !defined $mate || $mate == $this ? $this : 0;
    print {$names} $name, "\n";
    $first = $name if $reads == 0;
    $last = $name;
    $reads++;
    $bases       += $length;
    $quality_sum += unpack('%64C*', $quality) - 33 * $length;
    $longest  = $length if $length > $longest;
    $shortest = $length if !defined $shortest || $length < $shortest;
    $low  ||= $quality =~ /[!-:]/;
    $high ||= $quality =~ /[P-h]/ && $quality !~ /[i-~]/;
    $line += 3;
}
close($names) or die "sha256sum failed\n";
bad(1, 'the file is empty: no read in it') if $reads == 0;
bad(4, 'the qualities look like Phred+64 (Illumina before 1.8): convert them to Phred+33') if $high && !$low;

printf '{"reads": %d, "bases": %d, "mean_quality": %.2f, "shortest": %d, "longest": %d, ',
    $reads, $bases, $bases ? $quality_sum / $bases : 0, $shortest, $longest;
printf '"mate": %d, "first": %s, "last": %s}' . "\n", $mate, json($first), json($last);
