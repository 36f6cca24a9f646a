# The index of a BAM (SAMv1, chapters 5.1.3 and 5.2): where the reads of a region lie in the file. For `require`.
# A virtual offset is (place of a BGZF block in the file) << 16 | (place in the unpacked block).
use strict;
use warnings;

# What follows the 16 kb windows is bins of 128 kb, 1 Mb, 8 Mb, 64 Mb and the whole contig: [first bin, bits of its size]
my @LEVELS = ([4681, 14], [585, 17], [73, 20], [9, 23], [1, 26], [0, 29]);
my $WINDOW_BITS = 14;
my $COUNTS = 37450;    # no bin: numbers of reads, in the place of chunks

sub window_bits { return $WINDOW_BITS }

# read_bai FILE -> a list of {bins => {BIN => [from, to, from, to, ...]}, linear => [...]}, a contig each; dies if cut
sub read_bai {
    my ($file) = @_;
    open(my $in, '<:raw', $file) or die "$file: $!\n";
    local $/;
    my $data = <$in>;
    my $at = 8;
    my $need = sub { $at + $_[0] <= length $data or die "the index is cut\n" };
    $need->(0);
    substr($data, 0, 4) eq "BAI\1" or die "this is no BAI index\n";
    my @contigs;
    for (1 .. unpack('V', substr($data, 4, 4))) {
        my %bins;
        $need->(4);
        my $bins = unpack("x$at V", $data);
        $at += 4;
        for (1 .. $bins) {
            $need->(8);
            my ($bin, $chunks) = unpack("x$at VV", $data);
            $need->(8 + 16 * $chunks);
            $bins{$bin} = [unpack('x' . ($at + 8) . ' Q<' . 2 * $chunks, $data)] if $bin != $COUNTS;
            $at += 8 + 16 * $chunks;
        }
        $need->(4);
        my $windows = unpack("x$at V", $data);
        $need->(4 + 8 * $windows);
        push @contigs, {bins => \%bins, linear => [unpack('x' . ($at + 4) . " Q<$windows", $data)]};
        $at += 4 + 8 * $windows;
    }
    return @contigs;
}

# write_bai FILE, CONTIG...
sub write_bai {
    my ($file, @contigs) = @_;
    open(my $out, '>:raw', $file) or die "$file: $!\n";
    print {$out} "BAI\1", pack('V', scalar @contigs);
    for my $contig (@contigs) {
        print {$out} pack('V', scalar keys %{$contig->{bins}});
        for my $bin (sort { $a <=> $b } keys %{$contig->{bins}}) {
            my @chunks = @{$contig->{bins}{$bin}};
            print {$out} pack('VV', $bin, @chunks / 2), pack('Q<*', @chunks);
        }
        print {$out} pack('V', scalar @{$contig->{linear}}), pack('Q<*', @{$contig->{linear}});
    }
    close($out) or die "$file: $!\n";
}

# bins_of FROM, TO: all bins that may hold a read of these bases
sub bins_of {
    my ($from, $to) = @_;
    my @bins;
    for my $level (@LEVELS) {
        my ($first, $bits) = @$level;
        push @bins, $first + ($from >> $bits) .. $first + (($to - 1) >> $bits);
    }
    return @bins;
}

# bin_start BIN -> its first base
sub bin_start {
    for my $level (@LEVELS) {
        return ($_[0] - $level->[0]) << $level->[1] if $_[0] >= $level->[0];
    }
}

# ends_of CONTIG -> a function from a base to a virtual offset where every read begins at that base or behind it:
# the least start of a bin that lies behind the base as a whole
sub ends_of {
    my ($contig) = @_;
    my @starts = sort { $a->[0] <=> $b->[0] } map { [bin_start($_), $contig->{bins}{$_}[0]] } keys %{$contig->{bins}};
    for my $i (reverse 0 .. $#starts - 1) {
        $starts[$i][1] = $starts[$i + 1][1] if $starts[$i + 1][1] < $starts[$i][1];
    }
    return sub {
        my ($base) = @_;
        my ($low, $high) = (0, scalar @starts);
        while ($low < $high) {
            my $middle = ($low + $high) >> 1;
            if ($starts[$middle][0] < $base) { $low = $middle + 1 } else { $high = $middle }
        }
        return $low < @starts ? $starts[$low][1] : ~0;
    };
}

# chunks_of CONTIG, ENDS, FROM, TO, LEAST, MOST -> {BIN => [from, to, ...]}: where reads of these bases can be, and nothing
# else; none lies before LEAST or from MOST on
sub chunks_of {
    my ($contig, $ends, $from, $to, $after, $before) = @_;
    my $linear = $contig->{linear};
    my $window = $from >> $WINDOW_BITS;
    return {} if $window > $#$linear;
    my ($least, $most) = ($linear->[$window], $ends->($to));
    $least = $after if $after > $least;
    $most = $before if $before < $most;
    my %found;
    for my $bin (bins_of($from, $to)) {
        my $chunks = $contig->{bins}{$bin} or next;
        for (my $i = 0; $i < @$chunks; $i += 2) {
            my ($begin, $end) = @$chunks[$i, $i + 1];
            next if $end <= $least || $begin >= $most;
            push @{$found{$bin}}, $begin > $least ? $begin : $least, $end < $most ? $end : $most;
        }
    }
    return \%found;
}

1;
