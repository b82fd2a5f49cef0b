// What is chosen, and the panels that follow it.

const LEVELS = ["taskset", "architecture", "curriculum", "seed"];
const PANELS = [statesPanel, pairsPanel, curvesPanel, metricPanel, tablesPanel];
const selection = { network: null, moment: page.fractions.length - 1 };

/** Fill the lists of choices for a network: each holds what the ones before it leave. */
function fillLevels(network) {
  LEVELS.forEach((level, depth) => {
    const fitting = page.networks.filter((one) => LEVELS.slice(0, depth).every((above) => one[above] === network[above]));
    const values = [...new Set(fitting.map((one) => one[level]))];
    fillChoices(byId(level), values.map((value) => [value, spaced(String(value))]), network[level]);
  });
}

/** Show another network in all panels. */
function chooseNetwork(network) {
  selection.network = network;
  fillLevels(network);
  byId("network-name").textContent = `${network.taskset}, ${networkLabel(network)}`;
  showMoment(false);
  PANELS.forEach((panel) => panel.update());
  announce(`${networkLabel(network)} of ${network.taskset}, ${spaced(network.status)}`);
}

/** Return the network that the lists name, or the one nearest to it that exists. */
function networkOfLists(changed) {
  const kept = LEVELS.slice(0, LEVELS.indexOf(changed) + 1);
  const score = (network) => LEVELS.filter((level) => String(network[level]) === byId(level).value).length;
  const fitting = page.networks.filter((network) => kept.every((level) => String(network[level]) === byId(level).value));
  return fitting.reduce((best, network) => (score(network) > score(best) ? network : best), fitting[0]);
}

/** Show the moment of training that the slider stands at. */
function showMoment(alsoPanels = true) {
  const { network, moment } = selection;
  const accuracy = network.states ? `, accuracy ${shownNumber(network.states.accuracy[moment])}` : "";
  const text = `fraction ${shownNumber(page.fractions[moment])}, update ${updateAt(network, moment)}${accuracy}`;
  byId("moment-text").textContent = text;
  byId("moment").setAttribute("aria-valuetext", text);
  if (alsoPanels) PANELS.filter((panel) => panel !== tablesPanel).forEach((panel) => panel.show());
}

/** Let training run before the eyes, once from the shown moment to its end, or from its start. */
function play() {
  const button = byId("play");
  if (play.timer) {
    clearInterval(play.timer);
    play.timer = null;
  } else {
    if (selection.moment === page.fractions.length - 1) goTo(0);
    play.timer = setInterval(() => {
      if (selection.moment < page.fractions.length - 1) goTo(selection.moment + 1);
      else play();
    }, 700);
  }
  button.setAttribute("aria-pressed", String(Boolean(play.timer)));
  button.textContent = play.timer ? "Pause" : "Play";
}

function goTo(moment) {
  selection.moment = moment;
  byId("moment").value = moment;
  showMoment();
}

/** Fold the lists of the network on a phone (the same query as in the styles), where they would fill a fifth of the screen. */
function foldLists() {
  const phone = matchMedia("(max-width: 40rem), (max-height: 30rem)");
  const fold = () => {
    byId("network-lists").open = !phone.matches;
  };
  phone.addEventListener("change", fold);
  fold();
}

function start() {
  foldLists();
  byId("left-out").replaceChildren(...page.left_out.map((sentence) => element("p", {}, sentence)));
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  const slider = byId("moment");
  slider.max = page.fractions.length - 1;
  slider.value = selection.moment;
  slider.oninput = () => goTo(Number(slider.value));
  byId("play").onclick = play;
  for (const level of LEVELS) byId(level).onchange = () => chooseNetwork(networkOfLists(level));
  if (!page.networks.length) {
    document.querySelector("main").replaceChildren(missing("This run has no trained network to show."));
    return;
  }
  PANELS.forEach((panel) => panel.start());
  // One that has learned something, and of which all is there.
  const telling = page.networks.find((network) => network.states && network.last_step > 0);
  chooseNetwork(telling ?? page.networks[0]);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => PANELS.forEach((panel) => panel.show()));
}

start();
