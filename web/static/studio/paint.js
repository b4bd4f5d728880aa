/* Regions: a brush a style, painted over the photo. The first style has all that no other has.
 *
 * A layer a style holds where it acts; a stroke adds to one and takes from the others, so that
 * they never overlap. What is painted goes into a hidden field of the form, small, as PNGs.
 */
import {button} from "../core/controls.js";
import {element, fill as type, shaped} from "../core/dom.js";
import {t} from "../core/text.js";

const LONGEST = 640; // pixels of the longer side of the layers
const COLORS = ["#3f49d1", "#e8791c", "#109468", "#c22f86"];
const NONE = -1; // the brush that leaves the photo as it is
const STEP = 0.03; // of the width, for one arrow key

let root = null, canvas = null;
let layers = new Map(); // place of the style → canvas
let photo = ""; // address of the photo that is painted on
let brush = null, down = null, painted = false, timer = 0;
const cursor = {x: 0.5, y: 0.5, seen: false};

const at = (name) => root.querySelector(`.${name}`);
const picture = () => document.querySelector("#photo img");
const chosen = () => [...Array(COLORS.length).keys()].filter((place) => document.querySelector(`#style-${place} img`));
const thick = () => (Number(at("thick").value) / 100) * canvas.width;

/* ------------------------------------------------------------ what is kept in the form */

const keep = (text) => type(document.querySelector("#regions textarea, #regions input"), text);
const mask = (layer) => { // white where the style acts, on black
  const made = element("canvas", {width: canvas.width, height: canvas.height});
  const pen = made.getContext("2d");
  pen.fillRect(0, 0, made.width, made.height);
  pen.drawImage(layer, 0, 0);
  return made.toDataURL("image/png").split(",")[1];
};
const save = () => {
  clearTimeout(timer);
  timer = 0;
  if (!painted) return keep("");
  const masks = Object.fromEntries([...layers].map(([place, layer]) => [place, mask(layer)]));
  keep(JSON.stringify({width: canvas.width, height: canvas.height, feather: Number(at("feather").value), masks}));
};
const saveSoon = () => { clearTimeout(timer); timer = setTimeout(save, 150); };

/* ------------------------------------------------------------ painting */

const fill = (layer) => {
  const pen = layer.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, layer.width, layer.height);
};
const draw = () => {
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  canvas.style.filter = `blur(${(Number(at("feather").value) / 200) * Math.min(canvas.clientWidth, canvas.clientHeight)}px)`;
  const tint = element("canvas", {width: canvas.width, height: canvas.height});
  const ink = tint.getContext("2d");
  for (const [place, layer] of layers) {
    ink.globalCompositeOperation = "copy";
    ink.drawImage(layer, 0, 0);
    ink.globalCompositeOperation = "source-in";
    ink.fillStyle = COLORS[place];
    ink.fillRect(0, 0, tint.width, tint.height);
    pen.drawImage(tint, 0, 0);
  }
  const mark = at("cursor");
  mark.hidden = !cursor.seen;
  mark.style.left = `${100 * cursor.x}%`;
  mark.style.top = `${100 * cursor.y}%`;
};
const stroke = (from, to) => {
  for (const [place, layer] of layers) {
    const pen = layer.getContext("2d");
    pen.globalCompositeOperation = place === brush ? "source-over" : "destination-out";
    Object.assign(pen, {lineCap: "round", lineJoin: "round", lineWidth: thick(), strokeStyle: "#fff"});
    pen.beginPath();
    pen.moveTo(from.x * canvas.width, from.y * canvas.height);
    pen.lineTo(to.x * canvas.width + 0.01, to.y * canvas.height);
    pen.stroke();
    pen.globalCompositeOperation = "source-over";
  }
  painted = true;
  note("");
  draw();
  saveSoon();
};
const spot = (event) => {
  const box = canvas.getBoundingClientRect();
  return {x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height};
};
const press = (event) => {
  canvas.setPointerCapture(event.pointerId);
  cursor.seen = false;
  down = spot(event);
  stroke(down, down);
  event.preventDefault();
};
const drag = (event) => {
  if (!down) return;
  const to = spot(event);
  stroke(down, to);
  down = to;
};
const KEYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
const key = (event) => {
  const way = KEYS[event.key];
  if (way) {
    cursor.x = Math.min(1, Math.max(0, cursor.x + way[0] * STEP));
    cursor.y = Math.min(1, Math.max(0, cursor.y + way[1] * STEP));
  } else if (event.key !== " " && event.key !== "Enter") return;
  cursor.seen = true;
  event.preventDefault();
  if (way) draw();
  else stroke(cursor, cursor);
};

/* ------------------------------------------------------------ the tools */

const note = (text, good = false) => {
  if (at("lost").textContent !== text) at("lost").textContent = text;
  at("lost").classList.toggle("good", good);
};
const take = (place) => {
  brush = place;
  for (const one of root.querySelectorAll(".brush")) one.setAttribute("aria-pressed", String(Number(one.dataset.place) === place));
};
const knob = (place) => element("button", {type: "button", class: "quiet brush", "data-place": place, onclick: () => take(place)},
  element("span", {class: "swatch", style: place === NONE ? null : `background: ${COLORS[place]}`}),
  element("span", {}, place === NONE ? t("regions.photo") : t("style.number", {count: place + 1})));
const clear = () => {
  painted = false;
  const size = picture();
  const scale = LONGEST / Math.max(size.naturalWidth, size.naturalHeight);
  canvas.width = Math.max(1, Math.round(size.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(size.naturalHeight * scale));
  shaped(at("canvas"), canvas.width, canvas.height);
  layers = new Map(chosen().map((place) => [place, element("canvas", {width: canvas.width, height: canvas.height})]));
  fill(layers.values().next().value);
  draw();
  save();
};
const find = async (event) => { // the subject gets the brush in hand, the first style has the rest
  const knob = event.currentTarget;
  const here = photo;
  knob.disabled = true;
  note(t("regions.finding"), true);
  try {
    const body = new FormData();
    body.append("picture", await (await fetch(here)).blob());
    const answer = await fetch("/api/v1/subject", {method: "POST", body, credentials: "same-origin"});
    if (!answer.ok) throw new Error((await answer.json()).detail);
    const found = await createImageBitmap(await answer.blob());
    if (here === photo) put(found);
    note(t("regions.found"), true);
  } catch (error) { note(error.message); }
  knob.disabled = false;
};
const put = (found) => {
  const shape = element("canvas", {width: canvas.width, height: canvas.height});
  const pen = shape.getContext("2d", {willReadFrequently: true});
  pen.drawImage(found, 0, 0, shape.width, shape.height);
  const data = pen.getImageData(0, 0, shape.width, shape.height);
  for (let at = 0; at < data.data.length; at += 4) data.data[at + 3] = data.data[at]; // white to opaque
  pen.putImageData(data, 0, 0);
  const [first] = layers.keys();
  for (const [place, layer] of layers) {
    const ink = layer.getContext("2d");
    ink.clearRect(0, 0, layer.width, layer.height);
    if (place === first && brush !== first) {
      fill(layer);
      ink.globalCompositeOperation = "destination-out";
      ink.drawImage(shape, 0, 0);
      ink.globalCompositeOperation = "source-over";
    } else if (place === brush) ink.drawImage(shape, 0, 0);
  }
  painted = true;
  draw();
  save();
};
const look = () => { // the photo or the styles are others now
  const here = picture(), places = chosen();
  const ready = Boolean(here) && places.length > 1;
  at("board").hidden = !ready;
  at("wanting").hidden = ready;
  const gone = [...layers.keys()].some((place) => !places.includes(place));
  const lost = painted && (!ready || gone || here.src !== photo);
  if (lost) note(t("regions.lost"));
  if (!ready) {
    layers.clear();
    painted = false;
    photo = "";
    if (lost) keep("");
    return;
  }
  if (!here.complete || !here.naturalWidth) return here.addEventListener("load", look, {once: true});
  if (here.src !== photo || gone || !layers.size) {
    photo = here.src;
    at("under").src = photo;
    clear();
  }
  for (const place of places) if (!layers.has(place)) layers.set(place, element("canvas", {width: canvas.width, height: canvas.height}));
  if (painted) saveSoon();
  const face = places.join();
  if (at("brushes").dataset.face === face) return;
  at("brushes").dataset.face = face;
  at("brushes").replaceChildren(...[...places, NONE].map(knob));
  take(places.includes(brush) ? brush : places[1]);
};
const range = (name, value, max, onchange) => element("label", {}, t(`regions.${name}`),
  element("input", {type: "range", class: name, min: name === "feather" ? 0 : 2, max, value, step: 1, oninput: onchange}));

export const start = (host) => {
  root = host.querySelector("#paint");
  canvas = element("canvas", {tabindex: 0, role: "img", "aria-label": t("regions.canvas"), onpointerdown: press, onpointermove: drag, onpointerup: () => { down = null; save(); }, onpointercancel: () => { down = null; }, onkeydown: key, onblur: () => { cursor.seen = false; if (layers.size) draw(); }});
  root.replaceChildren(
    element("p", {class: "hint wanting"}, t("regions.wanting")),
    element("div", {class: "board", hidden: true},
      element("p", {class: "hint"}, t("regions.hint")),
      element("div", {class: "brushes", role: "group", "aria-label": t("regions.brushes")}),
      element("div", {class: "canvas"}, element("img", {class: "under", alt: ""}), canvas, element("span", {class: "cursor", hidden: true})),
      element("div", {class: "line"},
        range("thick", 16, 60, () => {}), range("feather", 3, 10, () => { draw(); saveSoon(); }),
        button(t("regions.subject"), "photo", find, {class: "quiet subject"}), button(t("regions.clear"), null, clear)),
    ),
    element("p", {class: "lost", role: "status"}),
  );
  document.addEventListener("click", (event) => { if (timer && event.target.closest?.("#send")) save(); }, true);
  new MutationObserver(look).observe(document.querySelector("#form"), {subtree: true, childList: true, attributes: true, attributeFilter: ["src"]});
  look();
};
