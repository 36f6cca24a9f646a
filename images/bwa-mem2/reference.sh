# shellcheck shell=bash disable=SC2034  # index makes them, fetch takes them
# The files of an indexed reference, beside each other in a folder of their own.

reference_files=(reference.fa reference.fa.fai reference.dict reference.fa.0123 reference.fa.amb reference.fa.ann
  reference.fa.bwt.2bit.64 reference.fa.pac)
