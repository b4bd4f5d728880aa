/* The page /live: a camera's frames, painted on the visitor's own device. */
import {sentence} from "../core/api.js";
import {anchor, button} from "../core/controls.js";
import {element, find, setText} from "../core/dom.js";
import {under} from "../core/place.js";
import {setUpPage, span, t} from "../core/text.js";
import {Frames} from "./frames.js";
import {Pace} from "./pace.js";
import {Pad} from "./pad.js";
import {Painter} from "./painter.js";
import {NoFrames, Source} from "./source.js";
import {Styles} from "./styles.js";
import {Recording, snapshot} from "./taken.js";

const MOST = 100; // percent

setUpPage(t("live"));
const main = find(document, "#live");
const painter = new Painter(),
  pace = new Pace(),
  pad = new Pad();
const source = new Source(() => stop(t("live.camera.gone")));
const styles = new Styles((main.dataset.styles ?? "").split(" "), () => void choose());
const frames = new Frames(
  source,
  painter,
  pace,
  () => look(),
  () => stop(t("live.failed")),
  () => setText(said, t("live.lost")),
);
const {canvas, view} = frames;
const said = element("p", {role: "status"});
const wrong = element("p", {class: "wrong", role: "alert"});
const strength = element("input", {type: "range", min: 5, max: MOST, step: 5, value: MOST, oninput: () => weaken()});
const strokes = element("input", {
  type: "range",
  min: 50,
  max: 200,
  step: 10,
  value: MOST,
  oninput: () => pace.again(),
});
const mirror = element("input", {
  type: "checkbox",
  checked: true,
  onchange: () => {
    reflect();
  },
});
const made = element("div", {class: "recording", hidden: true});

/** What is shown: the styles that are measured, which may be other than those just pressed. */
let shown = styles.chosen;
/** @type {Recording | null} */
let recording = null;
let since = 0; // when the recording began

/** @param {unknown} error */
const complain = (error) => setText(wrong, error instanceof NoFrames ? error.message : sentence(error));
/** @returns {import("./worker.js").Look} */
const look = () => ({
  names: shown.map((one) => one.name),
  shares: pad.shares,
  alpha: Number(strength.value) / MOST,
  strokes: Number(strokes.value) / MOST,
});
const weaken = () => {
  const value = t("strength.is", {count: strength.value});
  strength.setAttribute("aria-valuetext", value);
  pace.again(); // what is not fully painted passes the network twice
};
/** A visitor sees the front camera as a mirror does, another camera as it is. */
const reflect = () => {
  view.classList.toggle("mirrored", mirror.checked);
};

/** Measures the styles that are chosen, and shows them. */
const choose = async () => {
  const chosen = styles.chosen;
  setText(wrong, ""); // not after it took its time: another thing may be wrong by then
  try {
    for (const one of chosen) await painter.measure(one.name, await one.file());
    if (chosen !== styles.chosen) return;
    shown = chosen;
    pad.show(chosen);
    await frames.paint();
  } catch (error) {
    styles.choose(shown);
    complain(error);
  }
};

/* ------------------------------------------------------------ the camera, and what else there is to press */

/** @param {string} [reason] */
const stop = (reason = "") => {
  void keep();
  source.stop();
  frames.clear();
  setText(said, reason);
  draw();
};
/** Starts a source; says so if it can't.
 * @param {() => Promise<void>} begin */
const start = async (begin) => {
  await keep();
  setText(wrong, "");
  setText(said, t("live.starting"));
  try {
    await begin();
    if (!source.on) return; // stopped meanwhile, by what says why
    frames.clear();
    await painter.forget();
    pace.again();
    setText(said, source.stream ? t("live.private") : t("live.private.file"));
    frames.follow();
  } catch (error) {
    source.stop();
    setText(said, "");
    complain(error);
  }
  draw();
};
const send = async () => {
  shot.disabled = true;
  setText(said, t("live.sending"));
  try {
    const job = await snapshot(source.video, shown, look());
    said.replaceChildren(t("live.sent"), " ", anchor(t("live.see"), "easel", {href: under("/"), "data-job": job.id}));
  } catch (error) {
    setText(said, "");
    complain(error);
  }
  draw();
};
/** Ends the recording, if there is one, and offers its file. */
const keep = async () => {
  if (!recording) return;
  const ended = recording,
    seconds = (performance.now() - since) / 1000;
  recording = null;
  pace.fixed = false;
  draw();
  const file = await ended.stop();
  const href = URL.createObjectURL(file),
    name = `live.${file.type === "video/mp4" ? "mp4" : "webm"}`;
  made.replaceChildren(
    element("video", {src: href, controls: true, playsinline: true, "aria-label": t("live.recorded")}),
    element("div", {class: "actions"}, anchor(`${t("live.save")} (${span(seconds)})`, "save", {href, download: name})),
  );
  made.hidden = false;
};
const record = async () => {
  if (recording) return keep();
  setText(wrong, "");
  made.hidden = true;
  pace.fixed = true;
  try {
    recording = new Recording(canvas);
    since = performance.now();
  } catch (error) {
    pace.fixed = false;
    complain(error);
  }
  draw();
};

const camera = button(t("live.start"), "camera", () => (source.stream ? stop() : start(() => source.camera())), {
  class: "quiet strong",
});
const other = button(t("live.turn"), "again", () => {
  mirror.checked = source.facing !== "user"; // it is about to be turned
  reflect();
  return start(() => source.turn());
});
const input = element("input", {
  type: "file",
  accept: "video/*",
  hidden: true,
  "aria-label": t("live.file"),
  onchange: () => {
    const file = input.files?.[0];
    if (file) {
      mirror.checked = false;
      reflect();
      void start(() => source.file(file));
    }
    input.value = "";
  },
});
const file = button(t("live.file"), "open", () => input.click());
const shot = button(t("live.snapshot"), "photo", () => send(), {"aria-describedby": "leaves"});
const tape = button(t("live.record"), "flag", () => record());

/** Says on the buttons what they do now. */
const draw = () => {
  camera.lastElementChild?.replaceChildren(t(source.stream ? "live.stop" : "live.start"));
  other.disabled = !source.stream;
  shot.disabled = tape.disabled = !source.on;
  tape.lastElementChild?.replaceChildren(t(recording ? "live.record.stop" : "live.record"));
  tape.setAttribute("aria-pressed", String(recording !== null));
};

/** Off while the page is hidden, and on again afterwards. */
let left = false;
document.addEventListener("visibilitychange", () => {
  if (document.hidden && source.stream) {
    left = true;
    stop(t("live.hidden"));
  } else if (document.hidden) {
    void keep();
    source.video.pause();
  } else if (left) {
    left = false;
    void start(() => source.camera());
  } else if (source.on) {
    void source.video.play();
    frames.follow();
  }
});

main.append(
  element("h1", {}, t("live")),
  element(
    "div",
    {class: "screen"},
    view,
    element("div", {class: "actions"}, camera, other, file, input),
    element("div", {class: "actions"}, shot, tape),
    said,
    wrong,
    element("p", {class: "hint", id: "leaves"}, t("live.leaves")),
    made,
    source.video,
  ),
  element(
    "div",
    {class: "side"},
    element("h2", {}, t("live.styles")),
    ...styles.parts,
    pad.root,
    element("label", {class: "control"}, t("strength"), strength),
    element("label", {class: "control"}, t("strokes"), strokes),
    element("label", {class: "check"}, mirror, t("live.mirror")),
  ),
);
draw();
void choose();
main.removeAttribute("aria-busy");
