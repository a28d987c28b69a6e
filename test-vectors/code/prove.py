"""What the check symbols promise, by exhaustion. Prints each count and what a code cannot promise."""
from itertools import combinations
from reader import check_symbols, show, syndromes

# Column of position i (0 = unprinted version, 1...20 = printed) in the syndromes.
COLUMN = [[pow(pow(3, l, 31), 20 - i, 31) for l in range(1, 5)] for i in range(21)]


def rank(vectors):
    rows, r = [list(v) for v in vectors], 0
    for c in range(4):
        pivot = next((i for i in range(r, len(rows)) if rows[i][c]), None)
        if pivot is None:
            continue
        rows[r], rows[pivot] = rows[pivot], rows[r]
        inverse = pow(rows[r][c], -1, 31)
        rows[r] = [x * inverse % 31 for x in rows[r]]
        for i in range(len(rows)):
            if i != r:
                f = rows[i][c]
                rows[i] = [(x - f * y) % 31 for x, y in zip(rows[i], rows[r])]
        r += 1
    return r


minors = [rank([COLUMN[i] for i in four]) == 4 for four in combinations(range(21), 4)]
assert len(minors) == 5985 and all(minors)
print("minors of 4 columns, all nonzero:", len(minors))
crossing = [c for c in combinations(range(1, 21), 3) if rank([COLUMN[0], *(COLUMN[i] for i in c)]) != 4]
assert not crossing
print("sets of 3 printed positions that could reach another version:", len(crossing), "of 1140")

groups = [range(1 + 4 * g, 5 + 4 * g) for g in range(5)]
swaps = 0
for a, b in combinations(groups, 2):
    # Swapping adds delta_i * (column of place i in a - column of place i in b); injective iff rank 4.
    assert rank([[(x - y) % 31 for x, y in zip(COLUMN[i], COLUMN[j])] for i, j in zip(a, b)]) == 4
    swaps += 1
print("swaps of two groups found:", swaps)

data = list(range(16))
for v, tail in ((0, "2NBK"), (1, "YBH8"), (2, "S1QX")):
    assert show(v, data) == "0123-4567-89AB-CDEF-" + tail
    assert syndromes(v, data + check_symbols(v, data)) == [0] * 4
print("the three vectors of the format hold")

# Limits that follow: the code of 21 symbols has distance 5, so versions differ in as few as 4 printed ones.
for v in (1, 2):
    d = [(a - b) % 31 for a, b in zip(check_symbols(v, data), check_symbols(0, data))]
    assert all(d)
    print(f"same data, version 0 and {v}: the 4 check symbols differ, nothing else;",
          "4 wrong symbols can thus turn a code into one of another version")
