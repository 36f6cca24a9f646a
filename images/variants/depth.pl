#!/usr/bin/perl
# depth.pl < DEPTH > CELLS: sums what `samtools depth` says of every base, of all BAMs, into cells of 64 bases:
#   "contig<tab>from<tab>to<tab>aligned bases".
use strict;
use warnings;

my $BITS = 6;
my ($contig, $from, $to, $bases) = ('', 0, 0, 0);
while (<STDIN>) {
    chomp;
    my ($name, $place, @depths) = split /\t/;
    if ($name ne $contig || $place != $to + 1 || ($place - 1) >> $BITS != $from >> $BITS) {
        flush_cell();
        ($contig, $from, $bases) = ($name, $place - 1, 0);
    }
    $to = $place;
    $bases += $_ for @depths;
}
flush_cell();
close(STDOUT) or die "stdout: $!\n";

sub flush_cell { printf "%s\t%d\t%d\t%d\n", $contig, $from, $to, $bases if $contig ne '' }
