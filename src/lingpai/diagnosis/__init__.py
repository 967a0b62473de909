"""The checks of `lingpai doctor`, a file for each place that can be ill."""
