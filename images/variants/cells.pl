#!/usr/bin/perl
# cells.pl sample WINDOWS                      > BED: windows that tell how many aligned bases a byte of the BAMs holds
# cells.pl heavy WINDOWS FINE SECONDS MOST > BED: windows that must be cut finer than by the half, and are not in FINE
# cells.pl all WINDOWS FINE              > CELLS: what cut.pl may cut between
#   WINDOWS: of windows.pl. FINE: of depth.pl, the windows that were read.
use strict;
use warnings;
my ($here) = __FILE__ =~ m{^(.*)/};
require "$here/model.pl";

my $SMALL = 4e6;    # bytes: so little is read as a whole
my $SAMPLE = 8;     # windows of middling weight
my $PART = 8;       # of a shard: a window that is more of it is heavy

my ($mode, $file, $fine, $seconds, $most) = @ARGV;
my @windows = rows($file);
my (%read, %aligned);
if ($mode ne 'sample') {
    for my $cell (rows($fine)) {
        my ($contig, $from, undef, $bases) = @$cell;
        my $window = $from >> 14;
        push @{$read{$contig}{$window}}, $cell;
        $aligned{$contig}{$window} += $bases;
    }
}
if ($mode eq 'sample') { print_windows(sample()) }
elsif ($mode eq 'heavy') { print_windows(heavy()) }
else { print join("\t", @$_), "\n" for cells() }
close(STDOUT) or die "stdout: $!\n";

sub rows {
    my ($name) = @_;
    open(my $in, '<', $name) or die "$name: $!\n";
    return map { chomp; [split /\t/] } <$in>;
}

sub print_windows {
    print join("\t", @$_[0 .. 2]), "\n" for @_;
}

sub sample {
    my $all = 0;
    $all += $_->[3] for @windows;
    return @windows if $all <= $SMALL;
    my @order = sort { $windows[$a][3] <=> $windows[$b][3] || $a <=> $b } 0 .. $#windows;
    my ($first, $last) = (int(0.3 * $#order), int(0.7 * $#order));
    my $step = ($last - $first) / $SAMPLE;
    my %chosen = map { ($order[int($first + $step * $_)] => 1) } 0 .. $SAMPLE - 1;
    return map { $windows[$_] } sort { $a <=> $b } keys %chosen;
}

# bases_of WINDOW: counted where it was read, else as many a byte as in those that were
sub bases_of {
    my ($window) = @_;
    my ($contig, $from, undef, $bytes) = @$window;
    my $counted = $aligned{$contig}{$from >> 14};
    return defined $counted ? $counted : $bytes * a_byte();
}

my $a_byte;

sub a_byte {
    return $a_byte if defined $a_byte;
    my ($bases, $bytes) = (0, 0);
    # As the heaviest are packed better than others, they do not count here
    my @known = sort { $a->[3] <=> $b->[3] } grep { exists $aligned{$_->[0]}{$_->[1] >> 14} } @windows;
    for my $window (@known[0 .. int(0.9 * $#known)]) {
        $bases += $aligned{$window->[0]}{$window->[1] >> 14};
        $bytes += $window->[3];
    }
    return $a_byte = $bytes > 0 ? $bases / $bytes : 1;
}

sub heavy {
    my $all = 0;
    my @costs = map { cost($_->[2] - $_->[1], bases_of($_)) } @windows;
    $all += $_ for @costs;
    my $number = number_of($all, $seconds, $most);
    return if $number == 1;
    my $least = $all / $number / $PART;
    return map { $windows[$_] }
        grep { $costs[$_] > $least && !exists $read{$windows[$_][0]}{$windows[$_][1] >> 14} } 0 .. $#windows;
}

# cells: of a window that was not read the halves, and each half with its neighbour's: a cut in the middle of a window
# makes two shards read that one window, a cut between two windows makes them read both, for the padding.
sub cells {
    my @cells;
    my $open = 0;    # the last cell is the second half of a window
    for my $window (@windows) {
        my ($contig, $from, $to) = @$window;
        my $known = $read{$contig}{$from >> 14};
        if ($known) {
            push @cells, @$known;
            $open = 0;
            next;
        }
        my $half = bases_of($window) / 2;
        my $middle = int(($from + $to) / 2);
        if ($open && $cells[-1][0] eq $contig && $cells[-1][2] == $from) {
            $cells[-1][2] = $middle;
            $cells[-1][3] += $half;
        } else {
            push @cells, [$contig, $from, $middle, $half] if $middle > $from;
        }
        push @cells, [$contig, $middle, $to, $half];
        $open = 1;
    }
    return @cells;
}
