# SPDX-License-Identifier: Apache-2.0
"""What a section found: tables, goals, raw figures; as text, as Markdown, as
JSON, and written into a page."""
import json
import pathlib
import re
import statistics


def median(runs, key):
    """Of one figure over runs that are dicts."""
    return statistics.median(r[key] for r in runs)


def pair_ratio(above, below, key):
    """Median of the ratios of runs that were made in turn."""
    return statistics.median(a[key] / b[key] for a, b in zip(above, below))


def quantile(values, q):
    """The same element that source and sink take."""
    values = sorted(values)
    return values[int(q * (len(values) - 1))] if values else 0


def number(value, digits=0):
    return f"{value:,.{digits}f}"


class Report:
    """A section fills it and returns it from run()."""

    def __init__(self, name):
        self.name = name
        self.command = ""  # set by run
        self.items = []    # ["table", title, heads, rows] or ["text", text]
        self.goals = []    # [what, wanted, measured, reached]
        self.raw = {}      # anything that JSON can hold

    def table(self, title, heads, rows):
        self.items.append(["table", title, heads,
                           [[str(c) for c in row] for row in rows]])

    def text(self, text):
        self.items.append(["text", text])

    def goal(self, what, wanted, measured, reached):
        """What issue or manual want, in words; reached: a bool."""
        self.goals.append([what, wanted, str(measured), bool(reached)])

    # --- as they leave ---

    def to_json(self):
        return dict(command=self.command, items=self.items, goals=self.goals,
                    raw=self.raw)

    @staticmethod
    def from_json(name, kept):
        r = Report(name)
        r.command, r.items = kept["command"], kept["items"]
        r.goals, r.raw = kept["goals"], kept["raw"]
        return r

    def plain(self):
        out = [f"== {self.name}: {self.command}"]
        for kind, *rest in self.items:
            out += plain_table(*rest) if kind == "table" else rest
        out += [f"{'reached' if ok else 'MISSED '}  {what}: {got} "
                f"(wanted: {want})" for what, want, got, ok in self.goals]
        return "\n".join(out) + "\n"

    def markdown(self):
        out = [f"`{self.command}`"]
        for kind, *rest in self.items:
            if kind == "text":
                out.append(rest[0])
            else:
                title, heads, rows = rest
                out.append((title + ":\n\n" if title else "") +
                           "\n".join(markdown_rows(heads, rows)))
        return "\n\n".join(out) + "\n"


def plain_table(title, heads, rows):
    wide = [max(len(r[i]) for r in [heads, *rows]) for i in range(len(heads))]
    return ([title] if title else []) + [
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w)
                  for i, (c, w) in enumerate(zip(r, wide)))
        for r in [heads, *rows]]


def markdown_rows(heads, rows):
    return ["| " + " | ".join(r) + " |" for r in
            [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]]


def goals_markdown(reports, page):
    """With the goals of other sections as they stand in the page."""
    rows = [[r.name, what, want, got, "yes" if ok else "**no**"]
            for r in reports for what, want, got, ok in r.goals]
    new = {r.name for r in reports}
    block = page.split("<!-- figures: goals -->", 1)[-1].split("<!--", 1)[0]
    old = [[c.strip() for c in line.strip("| ").split(" | ")]
           for line in block.splitlines() if line.startswith("| ")][2:]
    rows += [cells for cells in old if cells[0] not in new]
    order = re.findall("<!-- figures: (.*?) -->", page)
    rows = [row for name in order for row in rows if row[0] == name]
    return "\n".join(markdown_rows(
        ["section", "goal", "wanted", "measured", "reached"], rows)) + "\n"


def write_page(path, reports):
    """Put each report between its marks in a page; the marks stay.  A report
    without marks is a mistake in the page."""
    page = pathlib.Path(path)
    text = page.read_text()
    parts = [(r.name, r.markdown()) for r in reports]
    parts.append(("goals", goals_markdown(reports, text)))
    for name, part in parts:
        begin, end = f"<!-- figures: {name} -->\n", "<!-- end -->"
        found = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
        if not found.search(text):
            raise SystemExit(f"bench: {path} has no place for {name}")
        text = found.sub(lambda _, b=begin, p=part, e=end: b + "\n" + p + "\n"
                         + e, text)
    page.write_text(text)


def load(path):
    """{name: Report} of a file that save() wrote; none: empty."""
    p = pathlib.Path(path)
    kept = json.loads(p.read_text()) if p.exists() else {}
    return {n: Report.from_json(n, k) for n, k in kept.items()}


def save(path, reports):
    """Add to what an earlier run left there, by section."""
    kept = load(path)
    kept.update({r.name: r for r in reports})
    pathlib.Path(path).write_text(json.dumps(
        {n: r.to_json() for n, r in kept.items()}, indent=1) + "\n")
