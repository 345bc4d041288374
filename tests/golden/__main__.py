"""Write the golden tables anew: `python -m tests.golden`. Read the difference before committing it."""

from __future__ import annotations

from tests.golden.alloys import TABLE, golden_table

if __name__ == "__main__":
    TABLE.write_text(golden_table(), encoding="utf-8", newline="\n")
    print(f"wrote {TABLE}")
