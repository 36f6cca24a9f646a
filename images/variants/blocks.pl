#!/usr/bin/perl
# blocks.pl BAM BAI CONTIGS BED > BLOCKS: of whole windows (BED) every BGZF block of a BAM, so that a shard that begins or
#   ends in the middle of a window need not read all of it. BLOCKS: "contig<tab>window<tab>first base<tab>reach<tab>
#   offset": where the block's first read begins, how far the reads in front of it reach (those that the window has), and
#   where the block lies.
#   A window whose blocks do not begin with a read (samtools lets them, others may not) is left out.
use strict;
use warnings;
my ($here) = __FILE__ =~ m{^(.*)/};
require "$here/bai.pl";

my $MOST = 3e8;    # bytes unpacked: more of a window is not looked at

my ($bam, $bai, $names, $bed) = @ARGV;
my @index = read_bai($bai);
my %number;
open(my $list, '<', $names) or die "$names: $!\n";
while (<$list>) { $number{(split /\t/)[0]} = $. - 1 }
open(my $file, '<:raw', $bam) or die "$bam: $!\n";
open(my $in, '<', $bed) or die "$bed: $!\n";
while (<$in>) {
    chomp;
    my ($name, $from, $to) = split /\t/;
    my $contig = $index[$number{$name}];
    my ($begin, $end) = ($contig->{linear}[$from >> window_bits()], ends_of($contig)->($to));
    next if !$begin;
    my @rows = rows_of($number{$name}, $begin, $end);
    print join("\t", $name, $from >> window_bits(), @$_), "\n" for @rows;
}
close(STDOUT) or die "stdout: $!\n";

# blocks_of BEGIN, END -> [offset, bytes, unpacked bytes] of every block that begins before END
sub blocks_of {
    my ($begin, $end) = map { $_ >> 16 } @_;
    my @blocks;
    while ($begin < $end) {
        seek($file, $begin, 0);
        my ($head, $tail);
        read($file, $head, 18) == 18 && substr($head, 0, 4) eq "\x1f\x8b\x08\x04" or last;
        my $bytes = unpack('v', substr($head, 16, 2)) + 1;
        seek($file, $begin + $bytes - 4, 0);
        read($file, $tail, 4) == 4 or last;
        push @blocks, [$begin, $bytes, unpack('V', $tail)];
        $begin += $bytes;
    }
    return @blocks;
}

sub rows_of {
    my ($number, $begin, $end) = @_;
    my @blocks = blocks_of($begin, $end);
    my $unpacked = 0;
    $unpacked += $_->[2] for @blocks;
    return if @blocks < 3 || $unpacked > $MOST;
    my $data = unpacked(@blocks);
    my ($at, $reach, @rows) = (0, 0);
    my $skip = $begin & 0xffff;
    for my $block (@blocks) {
        my $last = $at + $block->[2];
        my $first;
        $at += $skip;
        $skip = 0;
        while ($at < $last) {
            $at + 36 <= length $data or return;
            my ($size, $contig, $place, $name, $cigars) = unpack("x$at l<l<l<C x3 v", $data);
            return if $contig != $number || $at + 4 + $size > $last;
            if (!defined $first) {
                $first = $place;
                push @rows, [$place, $reach, $block->[0]];
            }
            my $span = 0;
            my $cigar_at = $at + 36 + $name;
            for my $word (unpack("x$cigar_at V$cigars", $data)) {
                $span += $word >> 4 if 0x18d & 1 << ($word & 15);    # M, D, N, = and X
            }
            $reach = $place + ($span || 1) if $place + ($span || 1) > $reach;
            $at += 4 + $size;
        }
    }
    # In the first there are also reads of the window before
    shift @rows;
    return @rows;
}

# unpacked BLOCK...: gzip takes the blocks one after another
sub unpacked {
    my ($first, $last) = @_[0, -1];
    my $packed = "$bam.blocks";
    open(my $out, '>:raw', $packed) or die "$packed: $!\n";
    seek($file, $first->[0], 0);
    my $bytes = $last->[0] + $last->[1] - $first->[0];
    read($file, my $data, $bytes) == $bytes or die "$bam: it ends early\n";
    print {$out} $data;
    close($out) or die "$packed: $!\n";
    open(my $pipe, '-|:raw', 'gzip', '-dc', $packed) or die "gzip: $!\n";
    local $/;
    $data = <$pipe>;
    close($pipe) or die "gzip: $packed cannot be unpacked\n";
    return $data;
}
