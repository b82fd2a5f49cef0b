// Tables of the run: its networks, its statistics, its claims.

const RUN_COLUMNS = ["taskset", "architecture", "curriculum", "seed", "status", "last_step", "accuracy", "chance", "ideal"];

const tablesPanel = {
  sorted: { column: null, falling: false },

  start() {
    const runs = {
      title: "Runs",
      about: "A row per network that is shown: how its training ended, its updates, and its accuracy on the validation trials.",
      columns: RUN_COLUMNS,
      rows: page.networks.map((network) => RUN_COLUMNS.map((column) => network[column])),
    };
    this.tables = [runs, ...page.tables];
    const choice = byId("tables-choice");
    fillChoices(choice, this.tables.map((table, k) => [k, table.title]));
    choice.onchange = () => {
      this.sorted = { column: null, falling: false };
      this.show();
    };
  },

  update() {
    this.show();
  },

  show() {
    const table = this.tables[byId("tables-choice").value];
    const runs = table === this.tables[0];
    byId("tables-about").textContent = table.about;
    const order = table.rows.map((_, k) => k);
    const { column, falling } = this.sorted;
    if (column !== null) {
      const compare = (a, b) => {
        if (a === null || b === null) return (a === null) - (b === null);
        return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
      };
      order.sort((a, b) => (falling ? -1 : 1) * compare(table.rows[a][column], table.rows[b][column]));
    }
    const heads = table.columns.map((name, k) => {
      const direction = column === k ? (falling ? "descending" : "ascending") : "none";
      const sign = { ascending: " ▲", descending: " ▼", none: "" }[direction];
      const sort = () => {
        this.sorted = { column: k, falling: column === k && !falling };
        this.show();
        byId("tables-table").querySelectorAll("thead button")[k].focus();
      };
      return element("th", { scope: "col", "aria-sort": direction }, element("button", { type: "button", onclick: sort }, spaced(name) + sign));
    });
    const cellText = (value) => (typeof value === "number" ? shownNumber(value, 4) : value === null ? "" : String(value));
    const rows = order.map((k) => {
      const cells = table.rows[k].map((value) => element("td", { class: String(value).length > 30 ? "text" : null }, cellText(value)));
      if (runs) cells.push(element("td", {}, this._showButton(k)));
      return element("tr", { "aria-current": runs && page.networks[k] === selection.network ? "true" : null }, ...cells);
    });
    if (runs) heads.push(element("th", { scope: "col" }, "show"));
    byId("tables-table").replaceChildren(
      element(
        "table",
        {},
        element("caption", { class: "visually-hidden" }, table.title),
        element("thead", {}, element("tr", {}, ...heads)),
        element("tbody", {}, ...rows),
      ),
    );
  },

  _showButton(k) {
    const current = page.networks[k] === selection.network;
    const label = `Show ${networkLabel(page.networks[k])} of ${page.networks[k].taskset}`;
    return element("button", { type: "button", "aria-label": label, onclick: () => chooseNetwork(page.networks[k]) }, current ? "shown" : "show");
  },
};
