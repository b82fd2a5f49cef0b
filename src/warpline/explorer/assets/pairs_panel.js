// Matrices of dissimilarities, and both sides of a chosen pair.

const KIND_WORDS = {
  after: "after learning, network by network",
  over: "over learning, at the shown moment",
  within: "within learning, checkpoint by checkpoint",
  architectures: "between architectures, after learning",
};
const MOST_SIDES = 60;

/** Return the matrix of a kind of comparison: `rows`, `columns` (`label`, `current`), and the pair at (i, j). */
function matrixOf(kind, measure) {
  const { network, moment } = selection;
  const pairs = pairsByKind[kind].filter((pair) => pair.measure === measure && page.networks[pair.a].taskset === network.taskset);
  const side = (index) => ({ index, label: `${spaced(page.networks[index].curriculum)} ${page.networks[index].seed}`, current: page.networks[index] === network });
  const inOrder = (indices) => [...new Set(indices)].sort((a, b) => page.networks[a].curriculum.localeCompare(page.networks[b].curriculum) || a - b);
  const among = (rows) => (i, j) => rows.find((pair) => (pair.a === i && pair.b === j) || (pair.a === j && pair.b === i));

  if (kind === "within") {
    const own = pairs.filter((pair) => page.networks[pair.a] === network);
    const fractions = [...new Set(own.flatMap((pair) => [pair.from, pair.to]))].sort((a, b) => a - b);
    const sides = fractions.map((fraction) => ({ fraction, label: shownNumber(fraction), current: fraction === page.fractions[moment] }));
    const find = (a, b) => own.find((pair) => (pair.from === a && pair.to === b) || (pair.from === b && pair.to === a));
    return { rows: sides, columns: sides, pairAt: (i, j) => find(fractions[i], fractions[j]) };
  }
  if (kind === "over") {
    const moments = [...new Set(pairs.map((pair) => pair.from))];
    const fraction = moments[nearest(moments, page.fractions[moment])];
    const now = pairs.filter((pair) => pair.from === fraction && page.networks[pair.a].architecture === network.architecture);
    const others = now.filter((pair) => pair.against !== "own_final");
    const rows = inOrder(now.map((pair) => pair.a)).map(side);
    const columns = [...inOrder(others.map((pair) => pair.b)).map(side), ...(now.some((p) => p.against === "own_final") ? [{ index: null, label: "own end" }] : [])];
    const pairAt = (i, j) => {
      const [a, b] = [rows[i].index, columns[j].index];
      if (b === null) return now.find((pair) => pair.against === "own_final" && pair.a === a);
      return among(others)(a, b);
    };
    return { rows, columns, pairAt };
  }
  if (kind === "architectures") {
    const own = pairs.filter((pair) => page.networks[pair.a].curriculum === network.curriculum && page.networks[pair.a].seed === network.seed);
    const sides = [...new Set(own.flatMap((pair) => [pair.a, pair.b]))].map((index) => ({ ...side(index), label: spaced(page.networks[index].architecture) }));
    return { rows: sides, columns: sides, pairAt: (i, j) => (i === j ? undefined : among(own)(sides[i].index, sides[j].index)) };
  }
  const own = pairs.filter((pair) => page.networks[pair.a].architecture === network.architecture);
  const sides = inOrder(own.flatMap((pair) => [pair.a, pair.b])).map(side);
  return { rows: sides, columns: sides, pairAt: (i, j) => among(own)(sides[i].index, sides[j].index) };
}

/** Return how sure a value is, as a sentence. */
function intervalOf(pair) {
  if (pair.low === null) return "No bound below the value is stated: it has no interval of its own.";
  return `The value lies between ${shownNumber(pair.low)}, which no alignment can go below, and ${shownNumber(pair.value)}, the best that was found.`;
}

/** Return the mean over the networks of both curricula, with its interval, as a sentence; empty where there is none. */
function groupOf(pair) {
  const [a, b] = [page.networks[pair.a], page.networks[pair.b]];
  // The means are those within an architecture: of two, there is none, and one of the first alone would be near 0.
  if (a.architecture !== b.architecture) return "";
  const seeds = a.seed === b.seed ? "same" : "cross";
  const mean = page.means.find(
    (row) =>
      row.taskset === a.taskset && row.measure === pair.measure && row.architecture === a.architecture && row.seeds === seeds &&
      ((row.curriculum_a === a.curriculum && row.curriculum_b === b.curriculum) || (row.curriculum_a === b.curriculum && row.curriculum_b === a.curriculum)),
  );
  if (!mean || mean.mean === null) return "";
  const interval = mean.low === null ? "too few networks for an interval" : `interval over networks ${shownNumber(mean.low)} to ${shownNumber(mean.high)}`;
  return `Mean of these curricula after learning (${seeds === "same" ? "same seed" : "different seeds"}): ${shownNumber(mean.mean)}, ${interval}, ${mean.n_pairs} pair${mean.n_pairs === 1 ? "" : "s"}.`;
}

const pairsPanel = {
  at: [0, 0],
  chosen: null,

  start() {
    byId("pairs-measure").onchange = () => this.show();
    byId("pairs-kind").onchange = () => {
      this.at = [0, 0];
      this.show();
    };
    this.left = new Scene("Left side of the pair", 260);
    this.right = new Scene("Right side of the pair", 260);
    Scene.link(this.left, this.right);
  },

  update() {
    const { network } = selection;
    const here = (pair) => page.networks[pair.a].taskset === network.taskset;
    const kinds = Object.keys(KIND_WORDS).filter((kind) => pairsByKind[kind].some(here));
    const measures = Object.keys(page.measures).filter((name) => kinds.some((kind) => pairsByKind[kind].some((pair) => here(pair) && pair.measure === name)));
    fillChoices(byId("pairs-kind"), kinds.map((kind) => [kind, KIND_WORDS[kind]]));
    fillChoices(byId("pairs-measure"), measures.map((name) => [name, page.measures[name]]));
    this.show();
  },

  show() {
    const place = byId("pairs-matrix");
    const [measure, kind] = [byId("pairs-measure").value, byId("pairs-kind").value];
    const matrix = kind ? matrixOf(kind, measure) : { rows: [], columns: [] };
    if (!matrix.rows.length) {
      byId("pairs-about").textContent = "";
      byId("pairs-readout").textContent = "";
      place.replaceChildren(
        missing(
          kind
            ? `No comparison ${KIND_WORDS[kind]} has this network: choose another one, or another comparison.`
            : `The networks of ${selection.network.taskset} are not compared: no block of run.grid names a comparison of them.`,
        ),
      );
      this._showPair(null);
      return;
    }
    const cut = Math.max(matrix.rows.length, matrix.columns.length) > MOST_SIDES;
    byId("pairs-about").textContent =
      `${page.measures[measure]}: 0 for equal systems. Enter or a click on a cell shows both sides below. ` +
      "Marks: ~ uncertain or cut short, × failed; an empty cell was not compared." +
      (cut ? ` The first ${MOST_SIDES} of ${matrix.rows.length} rows and columns are shown.` : "");
    place.replaceChildren(this._table(matrix, KIND_WORDS[kind]));
    this._followChosen(matrix);
  },

  _table(matrix, caption) {
    const [rows, columns] = [matrix.rows.slice(0, MOST_SIDES), matrix.columns.slice(0, MOST_SIDES)];
    const pairs = rows.map((_, i) => columns.map((_, j) => matrix.pairAt(i, j)));
    const largest = Math.max(1e-9, ...pairs.flat().map((pair) => pair?.value ?? 0));
    this.at = [Math.min(this.at[0], rows.length - 1), Math.min(this.at[1], columns.length - 1)];
    const header = (one, scope) => element("th", { scope, class: one.current ? "current" : null }, one.label);
    const cell = (pair, i, j) => {
      const names = `${rows[i].label} and ${columns[j].label}`;
      const options = { role: "gridcell", tabindex: this.at[0] === i && this.at[1] === j ? 0 : -1, "data-at": `${i} ${j}` };
      if (!pair) return element("td", { ...options, class: "empty", "aria-label": `${names}: not compared` }, "");
      const failed = pair.value === null;
      const sure = pair.status === "converged" || failed ? "" : "~";
      const colour = failed ? null : mapColour(pair.value / largest);
      const style = failed ? null : `background: ${colour}; color: ${readableOn(colour)}`;
      const text = failed ? "×" : sure + (pair.value < 1e-9 ? "0" : pair.value.toFixed(2));
      return element("td", { ...options, style, "aria-label": `${names}: ${failed ? "no value" : shownNumber(pair.value)}, ${spaced(pair.status)}` }, text);
    };
    const body = rows.map((row, i) => element("tr", { role: "row" }, header(row, "row"), ...columns.map((_, j) => cell(pairs[i][j], i, j))));
    const grid = element(
      "table",
      { role: "grid", "aria-label": caption },
      element("thead", {}, element("tr", {}, element("td", { class: "empty" }), ...columns.map((column) => header(column, "col")))),
      element("tbody", {}, ...body),
    );
    this._listen(grid, rows, columns, pairs);
    return grid;
  },

  _listen(grid, rows, columns, pairs) {
    const cellOf = (event) => event.target.closest("td[data-at]");
    const placeOf = (cell) => cell.dataset.at.split(" ").map(Number);
    const go = (i, j) => {
      grid.querySelector('td[tabindex="0"]')?.setAttribute("tabindex", -1);
      const cell = grid.querySelector(`td[data-at="${i} ${j}"]`);
      cell.setAttribute("tabindex", 0);
      this.at = [i, j];
      cell.focus();
    };
    const read = (cell) => {
      const [i, j] = placeOf(cell);
      byId("pairs-readout").textContent = this._describe(rows[i], columns[j], pairs[i][j]);
    };
    const open = (cell) => {
      const [i, j] = placeOf(cell);
      grid.querySelector('[aria-selected="true"]')?.removeAttribute("aria-selected");
      cell.setAttribute("aria-selected", "true");
      this._showPair(pairs[i][j] ?? null);
    };
    grid.addEventListener("focusin", (event) => cellOf(event) && read(cellOf(event)));
    grid.addEventListener("pointerover", (event) => cellOf(event) && read(cellOf(event)));
    grid.addEventListener("click", (event) => {
      const cell = cellOf(event);
      if (!cell) return;
      go(...placeOf(cell));
      open(cell);
    });
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    grid.addEventListener("keydown", (event) => {
      const cell = cellOf(event);
      if (!cell) return;
      const step = steps[event.key];
      if (step) go(Math.max(0, Math.min(rows.length - 1, this.at[0] + step[0])), Math.max(0, Math.min(columns.length - 1, this.at[1] + step[1])));
      else if (event.key === "Home") go(this.at[0], 0);
      else if (event.key === "End") go(this.at[0], columns.length - 1);
      else if (event.key === "Enter" || event.key === " ") open(cell);
      else return;
      event.preventDefault();
    });
  },

  _describe(row, column, pair) {
    if (!pair) return `${row.label} and ${column.label}: not compared.`;
    const value = pair.value === null ? "no value" : shownNumber(pair.value);
    const moments = pair.from === pair.to ? (pair.from === 1 ? "after learning" : `at fraction ${shownNumber(pair.from)} of training`) : `at fractions ${shownNumber(pair.from)} and ${shownNumber(pair.to)} of training`;
    const sides = [pair.a, pair.b].map((k) => networkLabel(page.networks[k]));
    const about = pair.value === null ? "" : intervalOf(pair);
    // The means are of the comparison after learning; under the published reduction the others have components of their own.
    const group = byId("pairs-kind").value === "after" ? groupOf(pair) : "";
    return `${sides[0]} and ${sides[1]}, ${moments}: ${value}, ${spaced(pair.status)}. ${about} ${group}`;
  },

  /** Keep showing the pair in the place that was chosen, at another moment or by another measure. */
  _followChosen(matrix) {
    if (!this.chosen) return;
    const same = (pair) => pair && pair.a === this.chosen.a && pair.b === this.chosen.b && pair.against === this.chosen.against;
    for (let i = 0; i < matrix.rows.length; i++) {
      for (let j = 0; j < matrix.columns.length; j++) {
        const pair = matrix.pairAt(i, j);
        const moved = pair && "against" in pair ? same(pair) : same(pair) && pair.from === this.chosen.from && pair.to === this.chosen.to;
        if (moved) {
          byId("pairs-matrix").querySelector(`td[data-at="${i} ${j}"]`)?.setAttribute("aria-selected", "true");
          this._showPair(pair);
          return;
        }
      }
    }
    this._showPair(null);
  },

  _showPair(pair) {
    this.chosen = pair;
    const place = byId("pair-view");
    if (!pair) {
      place.replaceChildren();
      return;
    }
    const sides = [
      [this.left, page.networks[pair.a], pair.from],
      [this.right, page.networks[pair.b], pair.to],
    ];
    const parts = sides.map(([scene, network, fraction]) => {
      const title = element("h3", {}, `${networkLabel(network)}, fraction ${shownNumber(fraction)}`);
      return element("div", {}, title, network.states ? scene.figure : missing("No states of this network are stored."));
    });
    place.replaceChildren(element("p", { class: "about" }, "Both are turned together. Each network has axes and a scale of its own: positions, signs and sizes cannot be compared, shapes can."), ...parts);
    for (const [scene, network, fraction] of sides) {
      if (!network.states) continue;
      const moment = nearest(page.fractions, fraction);
      scene.show(statesContents(network, moment, { alone: true }), statesDescription(network, moment));
    }
    announce(`Shown: ${networkLabel(sides[0][1])} beside ${networkLabel(sides[1][1])}.`);
  },
};
