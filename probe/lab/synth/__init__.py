"""Make synthetic measurements and their true verdicts, for tests of scale and of comparisons."""
