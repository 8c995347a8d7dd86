"""A little code, over and over: what the probes' tests train on."""

TEXT = ["def add(a, b):\n    return a + b\n", "for i in range(10):\n    print(i)\n"] * 50
