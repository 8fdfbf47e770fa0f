"""Rounds of figures as a table in Markdown: medians, and ratios with their spread."""

from statistics import median


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(values):
    """Least, median and most."""
    return " – ".join(number(value) for value in (min(values), median(values), max(values)))


def text(rounds, names):
    """`rounds` are dicts of subject → figure → value. Ratios are the first subject's to each other one."""
    first, *others = names
    ratios = [f"{first} / {other}" for other in others]
    lines = [["figure", *names, *ratios], ["---", *["---:"] * (len(names) + len(ratios))]]
    for figure in rounds[0][first]:
        values = {name: [one[name][figure] for one in rounds] for name in names}
        line = [figure, *(spread(values[name]) for name in names)]
        for other in others:
            both = zip(values[first], values[other])
            # A difference near zero has no ratio worth a look.
            line.append("" if "added" in figure else spread([one / two for one, two in both]))
        lines.append(line)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
