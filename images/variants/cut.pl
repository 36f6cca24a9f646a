#!/usr/bin/perl
# cut.pl CELLS OUT PREFIX PAD SECONDS MOST: cuts regions into shards that take freebayes equally long.
#   CELLS: "contig<tab>from<tab>to<tab>aligned bases", in order; what is not in a cell is not called.
#   SECONDS: what a shard should take, MOST: never more shards; SECONDS 0: exactly MOST, where that is possible.
#   OUT/PREFIX0001.bed ... are written (with PREFIX "0001." 0001.1.bed ...); stdout: "shard<tab>bases<tab>seconds".
use strict;
use warnings;

my ($here) = __FILE__ =~ m{^(.*)/};
require "$here/model.pl";

my $LEAST = 200;    # bases: the padding of a shorter shard costs more than the shard
my $NEAR = 0.95;    # so full a shard may be closed where depth is lowest

my ($file, $out, $prefix, $pad, $seconds, $most) = @ARGV;
my (@contig, @from, @to, @cost, @edge);    # a cell each; edge: what the padding beside it costs
open(my $in, '<', $file) or die "$file: $!\n";
while (<$in>) {
    chomp;
    my ($contig, $from, $to, $bases) = split /\t/;
    my $cost = cost($to - $from, $bases);
    push @contig, $contig;
    push @from, $from;
    push @to, $to;
    push @cost, $cost;
    push @edge, $cost / ($to - $from) * $pad;
}
@from or die "$file: no cells\n";

my $all = 0;
$all += $_ for @cost;
my @ends = best(number_of($all, $seconds, $most));
my $number = 0;
my $begin = 0;
for my $end (@ends) {
    write_shard($prefix eq '' ? sprintf('%04d', ++$number) : $prefix . ++$number, $begin, $end);
    $begin = $end + 1;
}
close(STDOUT) or die "stdout: $!\n";

# best COUNT -> the last cells of the shards: the least limit that needs no more than COUNT of them
sub best {
    my ($count) = @_;
    my ($low, $high, @found) = ($all / $count, 2 * $all, $#from);
    return @found if $count == 1;
    for (1 .. 30) {
        my $limit = ($low + $high) / 2;
        my @ends = packed($limit, $count);
        if (@ends) { $high = $limit; @found = @ends } else { $low = $limit }
        last if $high - $low < 0.001 * $all / $count;
    }
    return @found;
}

# packed LIMIT, COUNT -> the last cells of shards that cost at most LIMIT; nothing when COUNT shards do not do
sub packed {
    my ($limit, $count) = @_;
    my (@ends, @sums);    # sums: what the shard costs when it ends with that cell
    my ($begin, $sum, $length) = (0, 0, 0);
    for (my $i = 0; $i < @from; $i++) {
        my $new = $i == $begin || !adjacent($i);
        my $next = $sum + $cost[$i] + ($new ? $edge[$i] + ($i > $begin ? $edge[$i - 1] : 0) : 0);
        if ($i > $begin && $next + $edge[$i] > $limit && $length >= $LEAST) {
            my $end = lowest($begin, $i - 1, $limit, \@sums);
            push @ends, $end;
            return if @ends >= $count;
            ($begin, $sum, $length, $i) = ($end + 1, 0, 0, $end);
            next;
        }
        $sum = $next;
        $sums[$i] = $sum + $edge[$i];
        $length += $to[$i] - $from[$i];
    }
    return (@ends, $#from);
}

sub adjacent { return $contig[$_[0]] eq $contig[$_[0] - 1] && $from[$_[0]] == $to[$_[0] - 1] }

# lowest BEGIN, END, LIMIT, SUMS -> where a nearly full shard is cut with the least depth
sub lowest {
    my ($begin, $end, $limit, $sums) = @_;
    my ($best, $depth) = ($end, cut_depth($end));
    my $length = 0;
    my $least = $begin;
    while ($least < $end && $length < $LEAST) { $length += $to[$least] - $from[$least]; $least++ }
    for (my $i = $end - 1; $i >= $least && $sums->[$i] >= $NEAR * $limit; $i--) {
        my $here = cut_depth($i);
        ($best, $depth) = ($i, $here) if $here < $depth;
    }
    return $best;
}

# cut_depth CELL: the padding on both sides of a cut behind it; none where a contig or a gap ends it anyway
sub cut_depth {
    my ($i) = @_;
    return $i == $#from || !adjacent($i + 1) ? 0 : $edge[$i] + $edge[$i + 1];
}

sub write_shard {
    my ($name, $begin, $end) = @_;
    my ($bases, $sum) = (0, 0);
    open(my $bed, '>', "$out/$name.bed") or die "$out/$name.bed: $!\n";
    my $start = $begin;
    for my $i ($begin .. $end) {
        $sum += $cost[$i];
        next if $i < $end && adjacent($i + 1);
        print {$bed} "$contig[$i]\t$from[$start]\t$to[$i]\n";
        $bases += $to[$i] - $from[$start];
        $sum += $edge[$start] + $edge[$i];
        $start = $i + 1;
    }
    close($bed) or die "$out/$name.bed: $!\n";
    printf "%s\t%d\t%.3f\n", $name, $bases, $sum;
}
