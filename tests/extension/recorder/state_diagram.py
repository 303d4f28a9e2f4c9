"""The picture of an invocation's life, generated from its table.

``python -m tests.extension.recorder.state_diagram`` writes it into ``docs/architecture.md``; a test compares both.
"""

from pathlib import Path

from extension.recorder.states import MANAGED, ORDINARY, Event, State, Table

PAGE = Path(__file__).parents[3] / "docs" / "architecture.md"

BEGIN, END = "<!-- states: begin -->\n", "<!-- states: end -->\n"

CHOICES = (State.DECIDING, State.EXPIRING)


def diagram(table: Table) -> str:
    """Draw a table in Mermaid. Events that change no state are left out."""
    lines = ["stateDiagram-v2"]
    lines += [f"    state {_name(state)} <<choice>>" for state in table if state in CHOICES]
    lines.append(f"    [*] --> {_name(State.RUNNING)}")
    for state, row in table.items():
        ways: dict[State, list[Event]] = {}
        for event, (after, _) in row.items():
            if after is not state:
                ways.setdefault(after, []).append(event)
        lines += [
            f"    {_name(state)} --> {_name(after)}: {', '.join(event.value for event in events)}"
            for after, events in ways.items()
        ]
    return "\n".join(lines) + "\n"


def pictures() -> str:
    """Write both pictures as the page has them."""
    return "".join(
        f"\n{title}\n\n```mermaid\n{diagram(table)}```\n"
        for title, table in (
            ("On ordinary functions:", ORDINARY),
            ("On Managed Instances:", MANAGED),
        )
    )


def on_page(text: str) -> str:
    """Return the part of a page between the markers."""
    return text.partition(BEGIN)[2].partition(END)[0]


def _name(state: State) -> str:
    return state.name


if __name__ == "__main__":
    page = PAGE.read_text()
    PAGE.write_text(page.replace(BEGIN + on_page(page) + END, f"{BEGIN}{pictures()}\n{END}"))
