
"use strict";
(() => {
  const CONDITION = /^(.+?)\s*(<=|>=|!=|==|=|<|>)\s*(.*)$/;
  const HEAD = /^(.*?)(?: \[(.+)\])?$/;
  const TESTS = {
    "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
    "=": (a, b) => a === b, "==": (a, b) => a === b, "!=": (a, b) => a !== b,
  };

  const number = (text) => {
    const plain = text.trim().replaceAll("\u2212", "-").replace("\u221e", "Infinity");
    return plain === "" ? NaN : Number(plain);
  };
  const valueOf = (cell) => number(cell.dataset.value ?? cell.textContent);

  function column(th, index) {
    const [, name, unit] = HEAD.exec(th.textContent);
    return { th, index, name, unit: unit ?? "", numeric: th.classList.contains("number") };
  }

  /* Compares two cells; what has no value comes last in both directions. */
  function order(column, sign) {
    return (a, b) => {
      const [x, y] = [a.row.cells[column.index], b.row.cells[column.index]];
      if (!column.numeric) return sign * x.textContent.localeCompare(y.textContent, "en", { numeric: true }) || a.place - b.place;
      const [u, v] = [valueOf(x), valueOf(y)];
      if (Number.isNaN(u) || Number.isNaN(v)) return Number.isNaN(u) - Number.isNaN(v) || a.place - b.place;
      return sign * (u - v) || a.place - b.place;
    };
  }

  function sortable(table, columns, rows) {
    const body = table.tBodies[0];
    for (const one of columns.filter((c) => !c.th.classList.contains("pictures"))) {
      const button = document.createElement("button");
      button.type = "button";
      button.title = "sort";
      button.append(...one.th.childNodes);
      one.th.append(button);
      button.addEventListener("click", () => {
        const before = one.th.getAttribute("aria-sort");
        const after = before === "ascending" ? "descending" : before === "descending" ? null : "ascending";
        for (const other of columns) other.th.removeAttribute("aria-sort");
        if (after) one.th.setAttribute("aria-sort", after);
        const sorted = [...rows];
        if (after) sorted.sort(order(one, after === "ascending" ? 1 : -1));
        body.append(...sorted.map((r) => r.row));
      });
    }
  }

  /* A test of rows for one part of a condition: a comparison with a column, or a text anywhere in the row. */
  function tester(part, columns) {
    const found = CONDITION.exec(part);
    if (!found) {
      const wanted = part.toLowerCase();
      return (r) => r.text.includes(wanted);
    }
    const [, name, sign, right] = found;
    const one = columns.find((c) => c.name === name) ?? columns.find((c) => c.name.toLowerCase() === name.toLowerCase());
    if (!one) throw new Error(`there is no column "${name}"`);
    if (one.numeric) {
      const bare = one.unit && right.endsWith(one.unit) ? right.slice(0, -one.unit.length) : right;
      const limit = number(bare);
      if (Number.isNaN(limit)) throw new Error(`"${right}" is not a number${one.unit ? ` in ${one.unit}` : ""}`);
      return (r) => {
        const value = valueOf(r.row.cells[one.index]);
        return !Number.isNaN(value) && TESTS[sign](value, limit);
      };
    }
    if (sign.startsWith("<") || sign.startsWith(">")) throw new Error(`"${one.name}" holds texts: use = or !=`);
    return (r) => TESTS[sign](r.row.cells[one.index].textContent.trim(), right.trim());
  }

  function filterable(table, columns, rows) {
    const tools = document.createElement("div");
    const input = document.createElement("input");
    const said = document.createElement("output");
    const numeric = columns.find((c) => c.numeric && c.index > 0);
    tools.className = "tools";
    input.type = "search";
    input.setAttribute("aria-label", "show rows where");
    input.placeholder = `show rows with a text${numeric ? ` or where ${numeric.name} > 2` : ""}`;
    tools.append(input, said);
    table.parentElement.before(tools);
    const apply = () => {
      const parts = input.value.split(/\s+and\s+/i).map((p) => p.trim()).filter((p) => p);
      let tests = [];
      said.className = "";
      try {
        tests = parts.map((part) => tester(part, columns));
      } catch (error) {
        said.className = "wrong";
        said.textContent = error.message;
        return;
      }
      let shown = 0;
      for (const r of rows) {
        r.row.hidden = !tests.every((test) => test(r));
        shown += r.row.hidden ? 0 : 1;
      }
      const all = rows.length.toLocaleString("en");
      said.textContent = shown === rows.length ? `${all} rows` : `${shown.toLocaleString("en")} of ${all} rows`;
    };
    input.addEventListener("input", apply);
    apply();
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const columns = [...table.tHead.rows[0].cells].map(column);
    const rows = [...table.tBodies[0].rows].map((row, place) => ({ row, place, text: row.textContent.toLowerCase() }));
    if (rows.length > 30) table.parentElement.classList.add("tall");
    sortable(table, columns, rows);
    if (rows.length > 5) filterable(table, columns, rows);
  }

  for (const picture of document.querySelectorAll("td.pictures img")) {
    picture.tabIndex = 0;
    const turn = () => picture.classList.toggle("large");
    picture.addEventListener("click", turn);
    picture.addEventListener("keydown", (event) => { if (event.key === "Enter") turn(); });
  }
})();
