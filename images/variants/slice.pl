#!/usr/bin/perl
# slice.pl BAI CONTIGS SIZE BED OUT_BAI [BLOCKS] > RANGES: which bytes of a BAM hold the reads of regions.
#   CONTIGS: "contig<tab>length", in the order of the BAM. SIZE: of the BAM. RANGES: "offset<tab>count", with the header.
#   BLOCKS: of blocks.pl, where it looked closer than the index does.
#   OUT_BAI: an index of those bytes alone, so that samtools reads nothing else.
# Exit 65: the index is damaged or belongs to another BAM.
use strict;
use warnings;
my ($here) = __FILE__ =~ m{^(.*)/};
require "$here/bai.pl";

my ($bai, $names, $size, $bed, $out, $closer) = @ARGV;
my $BLOCK = 65536;    # no BGZF block is bigger
my $HEADER = 1 << 24;
my $SPARE = 0.03;     # so much more may be read to have fewer ranges

my @index = eval { read_bai($bai) };
bad($@) if $@;
my (%number, @contigs, %marks, @blocks, @chunks);
open(my $list, '<', $names) or die "$names: $!\n";
while (<$list>) { $number{(split /\t/)[0]} = $. - 1 }
bad('it has ' . @index . ' contigs, the BAM ' . keys %number) if @index != keys %number;
@contigs = map { {bins => {}, linear => $_->{linear}} } @index;

my %closer;
read_closer() if defined $closer;
mark_blocks();
select_chunks();
write_bai($out, @contigs);
print "$_->[0]\t", $_->[1] - $_->[0], "\n" for thinned(merged(header(), map { bytes_of(@$_) } @chunks));

sub bad {
    my ($reason) = @_;
    chomp $reason;
    print STDERR "$reason\n";
    exit 65;
}

# mark_blocks: every start of a block that the index knows
sub mark_blocks {
    for my $contig (@index) {
        for my $offset (@{$contig->{linear}}, map { @$_ } values %{$contig->{bins}}) { $marks{$offset >> 16} = 1 }
    }
    for my $offset (keys %marks) { bad("it points to byte $offset of a BAM of $size bytes") if $offset >= $size }
}

sub read_closer {
    open(my $in, '<', $closer) or die "$closer: $!\n";
    while (<$in>) {
        next if /^#/;
        chomp;
        my ($name, $window, $first, $reach, $offset) = split /\t/;
        push @{$closer{$name}}, [$window, $first, $reach, $offset << 16];
        $marks{$offset} = 1;
    }
}

# bounds NAME, FROM, TO -> virtual offsets: before the first all reads end in front of FROM (those of FROM's window, the
# others are none of it), from the second on all begin at TO or behind it
sub bounds {
    my ($name, $from, $to) = @_;
    my ($least, $most) = (0, ~0);
    for my $block (@{$closer{$name} || []}) {
        my ($window, $first, $reach, $offset) = @$block;
        $least = $offset if $window == $from >> window_bits() && $reach <= $from && $offset > $least;
        $most = $offset if $first >= $to && $offset < $most;
    }
    return ($least, $most);
}

sub select_chunks {
    my (%ends, %seen);
    open(my $in, '<', $bed) or die "$bed: $!\n";
    while (<$in>) {
        chomp;
        my ($name, $from, $to) = split /\t/;
        my $at = $number{$name};
        defined $at or die "$bed: the BAM has no contig $name\n";
        my $found = chunks_of($index[$at], $ends{$at} ||= ends_of($index[$at]), $from, $to,
            bounds($name, $from, $to));
        for my $bin (keys %$found) {
            my @pairs = @{$found->{$bin}};
            while (my ($begin, $end) = splice @pairs, 0, 2) { push @{$seen{$at}{$bin}}, [$begin, $end] }
        }
    }
    for my $at (keys %seen) {
        for my $bin (keys %{$seen{$at}}) {
            my @joined = merged(@{$seen{$at}{$bin}});
            $contigs[$at]{bins}{$bin} = [map { @$_ } @joined];
            push @chunks, @joined;
        }
    }
}

# header: all that comes before the first read; with no read in the index as much as a header may have
sub header {
    my $first = ~0;
    for my $contig (@index) {
        for my $chunks (values %{$contig->{bins}}) { $first = $chunks->[0] if $chunks->[0] < $first }
    }
    return bytes_of(0, $first) if $first != ~0;
    return [0, $size < $HEADER ? $size : $HEADER];
}

# bytes_of FROM, TO (virtual offsets) -> [from, to] in the file, with the whole of the last block
sub bytes_of {
    my ($from, $to) = map { $_ >> 16 } @_;
    return [$from, $to] if !($_[1] & 0xffff);
    return [$from, next_block($to)];
}

# next_block OFFSET: the next start of a block that is known, or as far as a block can go
sub next_block {
    my ($offset) = @_;
    @blocks = sort { $a <=> $b } keys %marks if !@blocks;
    my ($low, $high) = (0, scalar @blocks);
    while ($low < $high) {
        my $middle = ($low + $high) >> 1;
        if ($blocks[$middle] <= $offset) { $low = $middle + 1 } else { $high = $middle }
    }
    my $next = $low < @blocks ? $blocks[$low] : $size;
    my $most = $offset + $BLOCK < $size ? $offset + $BLOCK : $size;
    return $next < $most ? $next : $most;
}

# merged RANGE... -> sorted, without overlaps
sub merged {
    my @out;
    for my $range (sort { $a->[0] <=> $b->[0] } @_) {
        if (@out && $range->[0] <= $out[-1][1]) {
            $out[-1][1] = $range->[1] if $range->[1] > $out[-1][1];
        } else {
            push @out, [@$range];
        }
    }
    return @out;
}

# thinned RANGE...: the smallest gaps are read too, a little of the whole at most: every range is a request
sub thinned {
    my @ranges = @_;
    my $left = 0;
    $left += $SPARE * ($_->[1] - $_->[0]) for @ranges;
    for my $at (sort { $ranges[$a + 1][0] - $ranges[$a][1] <=> $ranges[$b + 1][0] - $ranges[$b][1] } 0 .. $#ranges - 1) {
        my $gap = $ranges[$at + 1][0] - $ranges[$at][1];
        last if $gap > $left;
        $left -= $gap;
        push @ranges, [$ranges[$at][1], $ranges[$at + 1][0]];
    }
    return merged(@ranges);
}
