#!/usr/bin/perl
# windows.pl CONTIGS BAI... > WINDOWS: the 16 kb windows where there are reads, and how many bytes of the BAMs they take.
#   CONTIGS: "contig<tab>length", in the order of the BAMs. WINDOWS: "contig<tab>from<tab>to<tab>bytes".
# Exit 65: an index is damaged or belongs to another BAM; the reason is on stderr.
use strict;
use warnings;
my ($here) = __FILE__ =~ m{^(.*)/};
require "$here/bai.pl";

my $WINDOW = 1 << window_bits();
my $PACKED = 0.25;    # a packed byte for so many unpacked ones, about: places inside of a block count too

my ($names, @files) = @ARGV;
my (@contigs, @bytes);
open(my $list, '<', $names) or die "$names: $!\n";
while (<$list>) { chomp; push @contigs, [split /\t/] }
add($_) for @files;
for my $at (0 .. $#contigs) {
    my ($name, $length) = @{$contigs[$at]};
    for my $window (0 .. $#{$bytes[$at] || []}) {
        defined(my $bytes = $bytes[$at][$window]) or next;
        my $end = ($window + 1) * $WINDOW;
        $end = $length if $end > $length;
        printf "%s\t%d\t%d\t%.0f\n", $name, $window * $WINDOW, $end, $bytes if $window * $WINDOW < $end;
    }
}

sub add {
    my ($file) = @_;
    my @index = eval { read_bai($file) };
    fail($@) if $@;
    fail('it has ' . @index . ' contigs, the BAM ' . @contigs) if @index != @contigs;
    for my $at (0 .. $#index) { add_contig($at, $index[$at]) if %{$index[$at]{bins}} }
}

sub fail {
    my ($reason) = @_;
    chomp $reason;
    print STDERR "$reason\n";
    exit 65;
}

# add_contig: a window's bytes go from its first read to the next window's first read
sub add_contig {
    my ($at, $contig) = @_;
    my @linear = @{$contig->{linear}};
    my $end = 0;
    for my $chunks (values %{$contig->{bins}}) { $end = $chunks->[-1] if $chunks->[-1] > $end }
    my $next = $end;
    for my $window (reverse 0 .. $#linear) {
        # Older programs leave 0 where no read is, or repeat what was before
        next if !$linear[$window];
        my $bytes = place($next) - place($linear[$window]);
        $next = $linear[$window] if $linear[$window] < $next;
        $bytes[$at][$window] += $bytes > 0 ? $bytes : 0 if has_reads($contig, $window);
    }
}

sub place { return ($_[0] >> 16) + $PACKED * ($_[0] & 0xffff) }

# has_reads: the linear index fills a window without reads with its neighbour's offset. Where a window has reads, the
# first of them lies at that offset, in one of the window's own bins.
sub has_reads {
    my ($contig, $window) = @_;
    my $offset = $contig->{linear}[$window];
    for my $bin (bins_of($window * $WINDOW, ($window + 1) * $WINDOW)) {
        my $chunks = $contig->{bins}{$bin} or next;
        for (my $i = 0; $i < @$chunks; $i += 2) {
            return 1 if $chunks->[$i] <= $offset && $offset < $chunks->[$i + 1];
        }
    }
    return 0;
}
