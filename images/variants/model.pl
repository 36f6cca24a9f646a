# The cost model: seconds of freebayes on one core of about 2023. docs/pipelines/variants.md tells how it was measured.
# For `require`.
use strict;
use warnings;

my $A_BASE = 2.0e-7;        # a base of the region
my $AN_ALIGNED = 3.0e-7;    # an aligned base of a read

# cost BASES, ALIGNED
sub cost { return $A_BASE * $_[0] + $AN_ALIGNED * $_[1] }

# number_of ALL, SECONDS, MOST -> how many shards; SECONDS 0: MOST
sub number_of {
    my ($all, $seconds, $most) = @_;
    return $most if $seconds == 0 || $all / $seconds > $most;
    my $number = int($all / $seconds);
    return $number == $all / $seconds && $number > 0 ? $number : $number + 1;
}

1;
