#!/usr/bin/perl
# check_fasta.pl OUT < FASTA > FACTS: copies a FASTA file to OUT (line ends made plain) and says whether it is one.
# Good: exit 0 and one JSON object on stdout. Bad: exit 65 and "line N: reason" on stderr. No room: exit 73.
use strict;
use warnings;

# What a .bai index reaches, 2 ** 29
my $MOST = 536_870_912;

my ($line, $bases, $longest, $ambiguous, $lowercase) = (0, 0, 0, 0, 0);
my (%seen, $name, $length, $width, $short, $empty);

sub bad {
    my ($at, $reason) = @_;
    print STDERR "line $at: $reason\n";
    exit 65;
}

sub shown {
    my $text = substr($_[0], 0, 60);
    $text =~ s/[^ -~]/?/g;
    return "'$text'";
}

sub end_contig {
    return if !defined $name;
    $length or bad($seen{$name}, 'contig ' . shown($name) . ' has no sequence');
    $length <= $MOST
        or bad($seen{$name}, "contig $name has $length bases: an index of a BAM (.bai) reaches $MOST, split the contig");
    $bases += $length;
    $longest = $length if $length > $longest;
}

open(my $out, '>', $ARGV[0]) or die "$ARGV[0]: $!\n";
while (my $text = <STDIN>) {
    $line++;
    $text =~ s/\r?\n\z//;
    if (substr($text, 0, 1) eq '>') {
        end_contig();
        ($name) = $text =~ /^>(\S*)/;
        length $name or bad($line, "a '>' without a contig name");
        # What SAM allows for a reference name, chapter 1.2.1
        $name =~ m{^[0-9A-Za-z!#\$%&+./:;?\@^_|~-][0-9A-Za-z!#\$%&*+./:;=?\@^_|~-]*\z}
            or bad($line, 'contig name ' . shown($name) . ' holds a character that SAM does not allow');
        bad($line, 'contig ' . shown($name) . " was already there in line $seen{$name}") if $seen{$name};
        $seen{$name} = $line;
        ($length, $width, $short, $empty) = (0, undef, 0, 0);
    } elsif ($text eq '') {
        $empty ||= $line;
        next;    # at the end of a contig harmless, elsewhere seen with the next line
    } else {
        defined $name or bad($line, "a FASTA file begins with '>', here is " . shown($text));
        bad($empty, "an empty line inside of contig $name") if $empty;
        my $here = length $text;
        check_bases($text) if $text =~ tr/ACGT// != $here;
        $width = $here if !defined $width;
        # samtools faidx computes where a base stands from the length of the lines
        bad($line, "the lines of contig $name have different lengths") if $short || $here > $width;
        $short = $here < $width;
        $length += $here;
    }
    print {$out} $text, "\n" or no_room();
}
end_contig();
defined $name or bad(1, 'the file is empty: no contig in it');
close($out) or no_room();
printf '{"contigs": %d, "bases": %d, "longest": %d, "ambiguous": %d, "lowercase": %d}' . "\n",
    scalar keys %seen, $bases, $longest, $ambiguous, $lowercase;

# Of a line that is not all ACGT: bwa-mem2 takes lower case as upper case, and a random base for any other code.
sub check_bases {
    my $text = $_[0];
    bad($line, "'$1' in contig $name: bwa-mem2 would take it for unknown; write T, as for DNA") if $text =~ /([Uu])/;
    bad($line, 'illegal character ' . shown($1) . " in contig $name")
        if $text =~ /([^ACGTNRYSWKMBDHVacgtnryswkmbdhv])/;
    $ambiguous += $text =~ tr/ACGTacgt//c;
    $lowercase += $text =~ tr/a-z//;
}

sub no_room {
    print STDERR "$ARGV[0]: $!\n";
    exit 73;
}
