// The states of the chosen network: by condition over the comparison window, or the manifold of an analysis.

/** Return what a scene shows of a network's states by condition at a moment of training. */
function statesContents(network, moment, { until = null, hidden = new Set(), alone = false } = {}) {
  const conditions = page.conditions[network.taskset];
  const all = arrayOf(network.states.points);
  const lines = [];
  const dots = [];
  conditions.label.forEach((label, k) => {
    if (hidden.has(k)) return;
    const points = entryOf(all, [moment, k]).values;
    const last = until ?? conditions.time.length - 1;
    const colour = signalColour(conditions.signal[k]);
    const nameAt = (t) => `${k + 1}: ${label}, ${shownNumber(conditions.time[t])} ms`;
    lines.push({ points, colour, fadeFrom: last, nameAt });
    dots.push({ point: [...points.subarray(3 * last, 3 * last + 3)], colour, name: nameAt(last), mark: String(k + 1) });
  });
  const axes = network.states.axis_variance.map((share, k) => `PC ${k + 1} (${shownShare(share)})`);
  // The box holds all checkpoints, so that states move in it and not with it; beside another network, one.
  return { lines, dots, axes, ...extentOf(alone ? entryOf(all, [moment]).values : all.values) };
}

/** Return a sentence that describes such states to those who do not see them. */
function statesDescription(network, moment) {
  const n = page.conditions[network.taskset].label.length;
  return `States of ${networkLabel(network)} at update ${network.states.step[moment]}: ${n} conditions on three principal axes`;
}

/** Return what a scene shows of the manifold of states of an analysis. */
function surfaceContents(view, position, ellipses) {
  const all = arrayOf(view.values);
  const sheet = entryOf(all, position);
  const points = sheet.values;
  const lines = [];
  const dots = [];
  const about = (axis, k) => {
    const value = view.spanned[axis].values[k];
    return `${spaced(view.spanned[axis].name)} ${typeof value === "number" ? shownNumber(value) : value}`;
  };
  if (view.spanned.length === 1) {
    const n = sheet.shape[0];
    lines.push({ points, colour: BLUE, width: 2, nameAt: (k) => about(0, k) });
    dots.push({ point: [...points.subarray(0, 3)], colour: VERMILION, name: about(0, 0), mark: about(0, 0) });
    dots.push({ point: [...points.subarray(3 * (n - 1))], colour: VERMILION, name: about(0, n - 1) });
  } else {
    lines.push(...sheetLines(sheet, about));
    if (ellipses) {
      const places = view.spanned.map(({ values }) => values.map((value, k) => (typeof value === "number" ? value : k)));
      lines.push(...sheetEllipses(sheet, places, about, extentOf(all.values).radius));
    }
  }
  const shares = view.axis_variance;
  const axes = view.axes.map((name, k) => (shares ? `${name} (${shownShare(shares[k])})` : name));
  return { lines, dots, axes, ...extentOf(all.values) };
}

/** Return at most `most` positions out of `n`, evenly spaced. */
function spread(n, most) {
  // At equal distances where more than the ends can be.
  const step = Array.from({ length: n }, (_, k) => k + 1).find((one) => (n - 1) % one === 0 && (n - 1) / one < most);
  if (step < n - 1) return Array.from({ length: (n - 1) / step + 1 }, (_, k) => k * step);
  const count = Math.min(n, most);
  return Array.from({ length: count }, (_, k) => Math.round((k * (n - 1)) / Math.max(1, count - 1)));
}

/** Return lines along both directions of a sheet of points; the first direction sets the colour. */
function sheetLines(sheet, about) {
  const [n, m] = sheet.shape;
  const point = (i, j) => sheet.values.subarray(3 * (i * m + j), 3 * (i * m + j) + 3);
  const lines = spread(n, 13).map((i) => ({
    points: sheet.values.subarray(3 * i * m, 3 * (i + 1) * m),
    colour: signalColour((2 * i) / (n - 1) - 1),
    width: 1.4,
    nameAt: (j) => `${about(0, i)}, ${about(1, j)}`,
  }));
  for (const j of spread(m, 9)) {
    const across = new Float32Array(3 * n);
    for (let i = 0; i < n; i++) across.set(point(i, j), 3 * i);
    lines.push({ points: across, colour: themeColour("neutral"), width: 0.8 });
  }
  return lines;
}

/**
 * Return the images of small circles of the plane: what the metric is, as far as three axes show it.
 *
 * `places`: where the rows and the columns of points lie; at unequal distances where points are left out.
 */
function sheetEllipses(sheet, places, about, radius) {
  const [n, m] = sheet.shape;
  const at = (i, j, axis) => sheet.values[3 * (i * m + j) + axis];
  const along = (i, j, axis, first) => {
    const [low, high] = first ? [Math.max(0, i - 1), Math.min(n - 1, i + 1)] : [Math.max(0, j - 1), Math.min(m - 1, j + 1)];
    const difference = first ? at(high, j, axis) - at(low, j, axis) : at(i, high, axis) - at(i, low, axis);
    const place = places[first ? 0 : 1];
    return difference / (place[high] - place[low] || 1);
  };
  const [rows, columns] = [spread(n, 9), spread(m, 9)];
  // One circle for all points: each direction in units of its root mean square, and no ellipse that hides others.
  const reach = [true, false].map((first) => {
    const lengths = rows.flatMap((i) => columns.map((j) => Math.hypot(...[0, 1, 2].map((axis) => along(i, j, axis, first)))));
    const typical = Math.sqrt(lengths.reduce((sum, length) => sum + length ** 2, 0) / lengths.length);
    return radius * Math.min(0.06 / (typical || 1), 0.14 / (Math.max(...lengths) || 1));
  });
  const ellipses = [];
  for (const i of rows) {
    for (const j of columns) {
      const points = new Float32Array(3 * 25);
      for (let k = 0; k < 25; k++) {
        const angle = (2 * Math.PI * k) / 24;
        for (let axis = 0; axis < 3; axis++) {
          points[3 * k + axis] =
            at(i, j, axis) +
            reach[0] * Math.cos(angle) * along(i, j, axis, true) +
            reach[1] * Math.sin(angle) * along(i, j, axis, false);
        }
      }
      ellipses.push({ points, colour: themeColour("ink"), width: 1.2, nameAt: () => `${about(0, i)}, ${about(1, j)}` });
    }
  }
  return ellipses;
}

const statesPanel = {
  hidden: new Set(),
  scene: null,
  entries: {},

  start() {
    this.scene = new Scene("States in three dimensions");
    byId("states-source").onchange = () => this.show();
    byId("states-time").oninput = () => this.show();
    byId("states-ellipses").onchange = () => this.show();
  },

  /** Show another network; what was hidden of another task set is shown again. */
  update() {
    const { network } = selection;
    const surfaces = page.analyses
      .filter((entry) => page.networks[entry.of] === network)
      .flatMap((entry) => entry.views.filter((view) => view.kind === "surface").map((view) => [entry, view]));
    const choices = network.states ? [["trials", `evaluation trials, ${page.windows[network.taskset]}`]] : [];
    surfaces.forEach(([entry], k) => choices.push([k, `manifold of the analysis ${spaced(entry.analysis)}`]));
    this.surfaces = surfaces.map(([, view]) => view);
    fillChoices(byId("states-source"), choices);
    if (this.taskset !== network.taskset) {
      this.taskset = network.taskset;
      this.hidden.clear();
      this._listConditions();
    }
    this.show();
  },

  _listConditions() {
    const conditions = page.conditions[this.taskset];
    const boxes = (conditions?.label ?? []).map((label, k) => {
      const toggle = (event) => {
        if (event.target.checked) this.hidden.delete(k);
        else this.hidden.add(k);
        this.show();
      };
      const swatch = element("span", { class: "swatch", style: `background: ${signalColour(conditions.signal[k])}` });
      return element("label", {}, element("input", { type: "checkbox", checked: true, onchange: toggle }), swatch, `${k + 1}: ${label}`);
    });
    byId("states-conditions").replaceChildren(element("legend", {}, "Conditions"), ...boxes);
    const time = byId("states-time");
    time.max = Math.max(0, (conditions?.time.length ?? 1) - 1);
    time.value = time.max;
  },

  show() {
    const { network, moment } = selection;
    const source = byId("states-source").value;
    const trials = source === "trials";
    const place = byId("states-scene");
    for (const id of ["states-time-label", "states-time-text", "states-conditions"]) byId(id).hidden = !trials;
    byId("states-details").hidden = source === "";
    const view = trials ? null : this.surfaces[source];
    byId("states-ellipses-label").hidden = !view || view.spanned.length < 2;
    if (!view) byId("states-chosen").replaceChildren();
    if (source === "") {
      byId("states-about").textContent = "";
      place.replaceChildren(
        missing(
          `No states of ${networkLabel(network)} are stored: no comparison reads this network, and no analysis ` +
            "keeps its states on three axes.",
        ),
      );
      return;
    }
    if (!place.contains(this.scene.figure)) place.replaceChildren(this.scene.figure);
    if (trials) this._showTrials(network, moment);
    else this._showSurface(view);
  },

  _showTrials(network, moment) {
    const conditions = page.conditions[network.taskset];
    const until = Number(byId("states-time").value);
    const { axis_variance: shares, shown_variance: shown } = network.states;
    byId("states-time-text").textContent = `${shownNumber(conditions.time[until])} ms`;
    byId("states-about").textContent =
      `Hidden states in the period ${page.windows[network.taskset]}, averaged over the trials of each condition. ` +
      `The axes are principal components of all shown checkpoints of this network together, of which they hold ` +
      `${shownShare(shares.reduce((sum, share) => sum + share, 0))} of the variance; of this checkpoint, ${shownShare(shown[moment])}.`;
    this.scene.show(statesContents(network, moment, { until, hidden: this.hidden }), statesDescription(network, moment));
    whenOpen(byId("states-details"), () => {
      const all = arrayOf(network.states.points);
      const rows = conditions.label.map((label, k) => {
        const point = entryOf(all, [moment, k, until]).values;
        return [`${k + 1}: ${label}`, ...[...point].map((value) => shownNumber(value))];
      });
      return tableOf("States at the chosen time", ["condition", "PC 1", "PC 2", "PC 3"], rows);
    });
  },

  _showSurface(view) {
    const kept = Object.fromEntries(Object.entries(this.entries).map(([name, list]) => [name, list.value]));
    const axes = view.chosen.filter((axis) => axis.name !== "checkpoint");
    if (this.listed !== view || !byId("states-chosen").children.length) {
      this.entries = chooseEntries(byId("states-chosen"), axes, kept, () => this.show());
      this.listed = view;
    }
    const position = view.chosen.map((axis) =>
      axis.name === "checkpoint" ? nearest(axis.values, page.fractions[selection.moment]) : Number(this.entries[axis.name].value),
    );
    const names = view.spanned.map((axis) => spaced(axis.name)).join(" and ");
    const shares = view.axis_variance;
    byId("states-about").textContent =
      `States of the network without noise, over ${names}. ` +
      (shares ? `The axes hold ${shownShare(shares.reduce((sum, share) => sum + share, 0))} of their variance. ` : "") +
      (view.spanned.length > 1 ? "Each ellipse is the image of one and the same small circle of that plane, as far as three axes show it: long where the metric stretches." : "");
    this.scene.show(surfaceContents(view, position, byId("states-ellipses").checked), `Manifold of states over ${names}`);
    whenOpen(byId("states-details"), () => {
      const sheet = entryOf(arrayOf(view.values), position);
      const columns = [...view.spanned.map(axisLabel), ...view.axes];
      const m = sheet.shape.length > 2 ? sheet.shape[1] : 1;
      const rows = spread(sheet.shape[0], 11).flatMap((i) =>
        spread(m, 11).map((j) => {
          const place = sheet.shape.length > 2 ? [i, j] : [i];
          const values = [...entryOf(sheet, place).values].map((value) => shownNumber(value));
          return [...place.map((k, axis) => shownNumber(view.spanned[axis].values[k])), ...values];
        }),
      );
      return tableOf("Points of the manifold", columns, rows);
    });
  },
};
