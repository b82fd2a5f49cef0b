// Loss and accuracy of the chosen network over training, the other seeds of its curriculum beside it.

const curvesPanel = {
  start() {},

  update() {
    this.show();
  },

  show() {
    const { network, moment } = selection;
    const place = byId("curves-charts");
    const tasks = Object.entries(network.history.tasks);
    byId("curves-details").hidden = !tasks.length;
    if (!tasks.length) {
      place.replaceChildren(missing("The history of this network holds no evaluation."));
      return;
    }
    const cursor = updateAt(network, moment);
    const colours = [BLUE, VERMILION, GREEN, PURPLE];
    const others = page.networks.filter(
      (one) => one !== network && ["taskset", "architecture", "curriculum"].every((key) => one[key] === network[key]),
    );
    const linesOf = (quantity) => [
      ...others.flatMap((one) =>
        Object.entries(one.history.tasks).map(([task, rows]) => ({
          name: `seed ${one.seed}, ${task}`, x: rows.step, y: rows[quantity], colour: themeColour("neutral"), width: 1,
        })),
      ),
      ...tasks.map(([task, rows], k) => ({
        name: task, x: rows.step, y: rows[quantity], colour: colours[k % colours.length], width: 2.2, mark: tasks.length > 1 ? task : null,
      })),
    ];
    const criterion = network.history.target_fraction;
    const references = [
      { y: network.ideal, label: network.history.held_against },
      { y: network.chance, label: "chance" },
      ...(criterion ? [{ y: criterion * network.ideal, label: "criterion", below: true }] : []),
    ].filter((one) => one.y !== null);
    byId("curves-about").textContent =
      `${spaced(network.status)}: ${network.last_step} updates, accuracy ${shownNumber(network.accuracy)} (tasks: ${tasks.map(([task]) => task).join(", ")}). ` +
      `Grey: its other seeds (${others.length}). The vertical line is the shown moment, update ${cursor}.` +
      (network.pretraining ? ` Its pretraining: ${network.pretraining}.` : "");
    place.replaceChildren(
      lineChart({ title: `Accuracy over updates, now at update ${cursor}`, xLabel: "update", yLabel: "accuracy", lines: linesOf("accuracy"), references, cursor, bounds: [0, 1.05] }),
      lineChart({ title: `Loss over updates, now at update ${cursor}`, xLabel: "update", yLabel: "loss", lines: linesOf("loss"), cursor, logarithmic: true }),
    );
    whenOpen(byId("curves-details"), () => {
      const rows = tasks.flatMap(([task, values]) =>
        values.step.map((step, k) => [String(step), task, shownNumber(values.loss[k]), shownNumber(values.accuracy[k])]),
      );
      return tableOf("Training history", ["update", "task", "loss", "accuracy"], rows);
    });
  },
};
