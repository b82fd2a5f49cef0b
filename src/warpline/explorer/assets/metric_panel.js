// The metric of an analysis: ellipses over inputs and time, or its diagonal over time.

const PLANE = { width: 480, height: 330, left: 56, right: 12, top: 12, bottom: 36 };

/** Return the half axes and the direction of the ellipse of a symmetric 2 x 2 matrix's root. */
function ellipseOf(a, b, c) {
  const middle = (a + c) / 2;
  const gap = Math.hypot((a - c) / 2, b);
  return { long: Math.sqrt(Math.max(0, middle + gap)), short: Math.sqrt(Math.max(0, middle - gap)), angle: Math.atan2(2 * b, a - c) / 2 };
}

/**
 * Return a plane of matrices: values of both sides, and the matrix at (i, j).
 *
 * A metric over one coordinate at several checkpoints is a plane, too: fractions of training are its second side.
 */
function planeOf(view, position) {
  const array = arrayOf(view.values);
  const size = view.tangents.length;
  const [first, second] = view.spanned;
  const checkpoint = view.chosen.findIndex((axis) => axis.name === "checkpoint");
  if (second) {
    const inner = entryOf(array, position);
    return { first, second, matrix: (i, j) => entryOf(inner, [i, j]).values, size, row: null };
  }
  if (checkpoint < 0) {
    const inner = entryOf(array, position);
    return { first, second: { name: "", values: [0] }, matrix: (i) => entryOf(inner, [i]).values, size, row: null };
  }
  const matrix = (i, j) => entryOf(array, [...position.map((k, axis) => (axis === checkpoint ? j : k)), i]).values;
  const fractions = { name: "fraction of training", values: view.chosen[checkpoint].values };
  return { first, second: fractions, matrix, size, row: position[checkpoint] };
}

/** Return the means of the first two diagonal entries over a whole view: the units of its two directions. */
function unitsOf(view) {
  const { values } = arrayOf(view.values);
  const size = view.tangents.length;
  return [0, 1].map((k) => {
    let sum = 0;
    let count = 0;
    for (let start = 0; start < values.length; start += size * size) {
      const entry = values[start + k * size + k];
      if (Number.isFinite(entry)) {
        sum += entry;
        count += 1;
      }
    }
    return sum / Math.max(1, count) || 1;
  });
}

const metricPanel = {
  entries: {},
  at: [0, 0],

  start() {
    byId("metric-view").onchange = () => this.show();
  },

  update() {
    const { network } = selection;
    this.views = page.analyses
      .filter((entry) => page.networks[entry.of] === network)
      .flatMap((entry) => entry.views.filter((view) => view.kind !== "surface").map((view) => ({ entry, view })));
    const words = { field: "over inputs and time", lines: "over time" };
    fillChoices(
      byId("metric-view"),
      this.views.map(({ entry, view }, k) => [k, `${spaced(entry.analysis)}, ${words[view.kind]}`]),
    );
    this.show();
  },

  show() {
    const chosen = this.views[byId("metric-view").value];
    for (const id of ["metric-view-label", "metric-details", "metric-readout"]) byId(id).hidden = !chosen;
    if (!chosen) {
      byId("metric-chosen").replaceChildren();
      byId("metric-about").textContent = "";
      byId("metric-drawing").replaceChildren(missing(this._whyMissing()), this._otherNetworks());
      return;
    }
    const { view } = chosen;
    const kept = Object.fromEntries(Object.entries(this.entries).map(([name, list]) => [name, list.value]));
    const axes = view.chosen.filter((axis) => axis.name !== "checkpoint");
    if (this.listed !== view || !byId("metric-chosen").children.length) {
      this.entries = chooseEntries(byId("metric-chosen"), axes, kept, () => this.show());
      this.listed = view;
      this.at = [0, 0];
    }
    const position = view.chosen.map((axis) =>
      axis.name === "checkpoint" ? nearest(axis.values, page.fractions[selection.moment]) : Number(this.entries[axis.name].value),
    );
    if (view.kind === "lines") this._showLines(view, position);
    else this._showPlane(view, position);
  },

  _whyMissing() {
    const { network } = selection;
    const mine = page.analyses.filter((entry) => page.networks[entry.of] === network);
    if (mine.some((entry) => entry.status === "diverged")) return "This network diverged: its metric means nothing.";
    if (mine.length) {
      const names = mine.map((entry) => spaced(entry.analysis)).join(", ");
      return `The analysis ${names} stores no metric over inputs or time. Its figures lie beside this page, in warping.`;
    }
    if (!page.analyses.length) return "No analysis of metric warping reads a network of this page: run.warping in the configuration names none.";
    return "No analysis of metric warping reads this network. These are read:";
  },

  /** Return buttons that lead to a network of each analysis. */
  _otherNetworks() {
    const first = new Map();
    for (const entry of page.analyses) if (!first.has(entry.analysis)) first.set(entry.analysis, page.networks[entry.of]);
    const buttons = [...first].map(([analysis, network]) =>
      element("button", { type: "button", onclick: () => chooseNetwork(network) }, `${spaced(analysis)}: ${network.taskset}, ${networkLabel(network)}`),
    );
    return element("div", { class: "row" }, ...buttons);
  },

  _showLines(view, position) {
    byId("metric-about").textContent = "Diagonal of the pullback metric over time, a mean over the inputs: how far a unit step of an input, or of time, moves the state.";
    const colours = [BLUE, VERMILION, GREEN, PURPLE];
    const time = view.spanned[0].values;
    const inner = entryOf(arrayOf(view.values), position);
    const lines = view.tangents.map((name, k) => ({
      name: spaced(name), x: time, y: [...entryOf(inner, [k]).values], colour: colours[k % colours.length], dash: ["none", "6 3", "2 3"][k % 3], mark: spaced(name),
    }));
    byId("metric-drawing").replaceChildren(
      lineChart({ title: `Metric over time: ${view.tangents.join(", ")}`, xLabel: "time (ms)", yLabel: "G", lines, logarithmic: true }),
    );
    byId("metric-readout").textContent = "";
    whenOpen(byId("metric-details"), () =>
      tableOf(
        "Metric over time",
        ["time (ms)", ...view.tangents.map(spaced)],
        time.map((t, k) => [shownNumber(t), ...lines.map((line) => shownNumber(line.y[k]))]),
      ),
    );
  },

  _showPlane(view, position) {
    const plane = planeOf(view, position);
    const units = unitsOf(view);
    byId("metric-about").textContent =
      `Each ellipse is the pullback metric at one point: the longer its axis, the further a step in that direction moves the state. ` +
      `Horizontal: ${spaced(String(view.tangents[0]))}; vertical: ${spaced(String(view.tangents[1]))}; each in units of its root mean square over this view. ` +
      "Sizes grow with the square root of the length; light ellipses have a large metric. Arrow keys go from point to point.";
    const { width, height, left, right, top, bottom } = PLANE;
    const [n, m] = [plane.first.values.length, plane.second.values.length];
    const cell = [(width - left - right) / n, (height - top - bottom) / m];
    const centre = (i, j) => [left + (i + 0.5) * cell[0], height - bottom - (j + 0.5) * cell[1]];
    const ellipses = [];
    let largest = 0;
    let traces = [Infinity, -Infinity];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        const matrix = plane.matrix(i, j);
        const scale = Math.sqrt(units[0] * units[1]);
        const one = ellipseOf(matrix[0] / units[0], matrix[1] / scale, matrix[plane.size + 1] / units[1]);
        const trace = Math.log10(Math.max(1e-12, one.long ** 2 + one.short ** 2));
        if (Number.isFinite(trace)) {
          largest = Math.max(largest, one.long);
          traces = [Math.min(traces[0], trace), Math.max(traces[1], trace)];
          ellipses.push({ i, j, ...one, trace });
        }
      }
    }
    const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "img", "aria-describedby": "metric-readout" });
    svg.setAttribute("aria-label", `Metric over ${spaced(plane.first.name)} and ${spaced(plane.second.name)}`);
    svg.append(drawn("path", { class: "axis", d: `M${left} ${top}V${height - bottom}H${width - right}` }));
    const label = (values, k) => (typeof values[k] === "number" ? shownNumber(values[k], 2) : values[k]);
    for (const i of spread(n, 5)) svg.append(drawn("text", { x: centre(i, 0)[0], y: height - bottom + 14, "text-anchor": "middle" }, label(plane.first.values, i)));
    if (plane.second.name) for (const j of spread(m, 6)) svg.append(drawn("text", { x: left - 6, y: centre(0, j)[1] + 4, "text-anchor": "end" }, label(plane.second.values, j)));
    svg.append(drawn("text", { x: (left + width - right) / 2, y: height - 5, "text-anchor": "middle" }, spaced(plane.first.name)));
    const middle = (top + height - bottom) / 2;
    svg.append(drawn("text", { x: 11, y: middle, "text-anchor": "middle", transform: `rotate(-90 11 ${middle})` }, spaced(plane.second.name)));
    if (plane.row !== null) {
      const y = centre(0, plane.row)[1] - cell[1] / 2;
      svg.append(drawn("rect", { class: "cursor", x: left, y, width: width - left - right, height: cell[1] }));
    }
    // Lengths span orders of magnitude: sizes grow with their square root, shapes and directions are exact.
    const room = 0.48 * Math.min(...cell);
    for (const one of ellipses) {
      const [x, y] = centre(one.i, one.j);
      const share = (one.trace - traces[0]) / (traces[1] - traces[0] || 1);
      const size = room * Math.sqrt(one.long / (largest || 1));
      const shape = { cx: x, cy: y, rx: Math.max(0.8, size), ry: Math.max(0.8, (size * one.short) / (one.long || 1)) };
      // Upwards is negative in a drawing.
      const turned = `rotate(${(-180 / Math.PI) * one.angle} ${x} ${y})`;
      const ellipse = drawn("ellipse", { ...shape, transform: turned, fill: mapColour(share), stroke: themeColour("neutral"), "stroke-width": 0.5 });
      ellipse.addEventListener("pointerenter", () => this._read(view, plane, one.i, one.j, mark, centre, cell));
      svg.append(ellipse);
    }
    const mark = drawn("rect", { class: "cursor", width: cell[0], height: cell[1], x: -99, y: -99 });
    svg.append(mark);
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    svg.addEventListener("keydown", (event) => {
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      this.at = [Math.max(0, Math.min(n - 1, this.at[0] + step[0])), Math.max(0, Math.min(m - 1, this.at[1] + step[1]))];
      this._read(view, plane, ...this.at, mark, centre, cell);
    });
    svg.addEventListener("focus", () => this._read(view, plane, ...this.at, mark, centre, cell));
    byId("metric-drawing").replaceChildren(svg);
    whenOpen(byId("metric-details"), () => this._table(view, plane));
  },

  _read(view, plane, i, j, mark, centre, cell) {
    this.at = [i, j];
    const [x, y] = centre(i, j);
    mark.setAttribute("x", x - cell[0] / 2);
    mark.setAttribute("y", y - cell[1] / 2);
    const matrix = plane.matrix(i, j);
    const diagonal = view.tangents.map((name, k) => `${spaced(String(name))} ${shownNumber(matrix[k * plane.size + k])}`);
    const place = (axis, k) => (axis.name ? `${spaced(axis.name)} ${shownNumber(axis.values[k])}, ` : "");
    byId("metric-readout").textContent = `${place(plane.first, i)}${place(plane.second, j)}G: ${diagonal.join(", ")}; ${spaced(String(view.tangents[0]))} and ${spaced(String(view.tangents[1]))} ${shownNumber(matrix[1])}`;
  },

  _table(view, plane) {
    const sides = [plane.first, plane.second].filter((axis) => axis.name);
    const columns = [...sides.map((axis) => spaced(axis.name)), ...view.tangents.map((name) => `G, ${spaced(String(name))}`), "G, first two"];
    const rows = [];
    plane.first.values.forEach((a, i) =>
      plane.second.values.forEach((b, j) => {
        const matrix = plane.matrix(i, j);
        const places = sides.length > 1 ? [a, b] : [a];
        rows.push([...places, ...view.tangents.map((_, k) => matrix[k * plane.size + k]), matrix[1]].map((value) => shownNumber(value)));
      }),
    );
    return tableOf("Metric", columns, rows);
  },
};
