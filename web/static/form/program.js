/* What is in the form now, for a program: as a command, for curl, and in Python. Pictures of the shelf are
 * exact; files of the visitor's are called by their names, and lie in the folder where it runs.
 */
import {button} from "../core/controls.js";
import {element, find} from "../core/dom.js";
import {methodOf, t} from "../core/text.js";
import {CROP, nameOf, picture} from "../studio/uploads.js";
import {held} from "./memory.js";

const KEEP = "keep"; // of plain margins, as web/page/labels.py has it
const WHOLE = "0,0,1,1"; // a crop that is none
const COOKIES = "studio.cookies";

/** @typedef {{name: string, shelf: string}} Source its name in the folder, and where on the shelf it is */
/** @typedef {{photo: Source, styles: Source[], masks: Source[], options: Record<string, unknown>}} Form */

/** @param {string} text of a field
 * @param {string} otherwise
 * @param {Map<string, string>} taken name → the picture that is called so
 * @returns {Source} */
const source = (text, otherwise, taken) => {
  const what = picture(text);
  if (what.startsWith("shelf:")) {
    const shelf = `${what.slice("shelf:".length)}.jpg`;
    return {name: shelf.split("/")[1], shelf};
  }
  let name = nameOf(what) || otherwise;
  for (let count = 2; (taken.get(name) ?? what) !== what; count++)
    name = name.replace(/(-\d+)?(\.\w+)?$/, (_, __, end) => `-${count}${end ?? ""}`);
  taken.set(name, what);
  return {name: name.startsWith("-") ? `./${name}` : name, shelf: ""}; // or it would be an option
};
/** What is used of a field's picture; []: all of it.
 * @param {string} text */
const crop = (text) => (text.includes(CROP) ? text.split(CROP)[1].split(",").map(Number) : []);

/** The options that the form's controls mean, as web/page/handlers.py reads them.
 * @param {Record<string, string>} parts
 * @param {number[]} chosen places of styles
 * @returns {Record<string, unknown>} */
const options = (parts, chosen) => {
  const crops = chosen.map((place) => crop(parts[`value-style-${place}`]));
  const whole = crop(parts["value-photo"]);
  return {
    alpha: Number(parts.strength) / 100,
    color: parts.color,
    ...(/^\d+$/.test(parts.size) ? {size: Number(parts.size)} : {fit: parts.size}),
    strokes: Number(parts.strokes) / 100,
    ...methodOf(parts.how),
    ...(parts.network ? {network: parts.network} : {}),
    transparency: parts.transparency,
    ...(parts.margins === KEEP ? {keep_margins: true} : {}),
    ...(whole.length ? {crop: whole} : {}),
    ...(crops.some((one) => one.length) ? {style_crops: crops} : {}),
    ...(chosen.length > 1 ? {weights: chosen.map((place) => Number(parts[`share-${place}`]))} : {}),
  };
};
/** The form as it is now; null: photo or style is missing.
 * @returns {Form | null} */
const form = () => {
  const parts = held();
  const chosen = Object.keys(parts)
    .filter((id) => id.startsWith("value-style-") && parts[id])
    .map((id) => Number(id.split("-")[2]))
    .sort();
  if (!parts["value-photo"] || !chosen.length) return null;
  const taken = new Map();
  /** @param {string} kind */
  const of = (kind) =>
    chosen
      .map((place) => parts[`value-${kind}-${place}`])
      .map((text, place) => text && source(text, `${kind}-${place + 1}.png`, taken))
      .filter((one) => typeof one === "object");
  return {
    photo: source(parts["value-photo"], "photo.jpg", taken),
    styles: of("style"),
    masks: of("mask"),
    options: options(parts, chosen),
  };
};

/* ------------------------------------------------------------ written */

/** A word of a shell.
 * @param {unknown} text */
const quoted = (text) =>
  /^[\w./:=@,-]+$/.test(String(text)) ? String(text) : `'${String(text).replaceAll("'", "'\\''")}'`;
/** Lines that bring what is on the shelf.
 * @param {Form} given */
const brought = ({photo, styles, masks}) =>
  [photo, ...styles, ...masks]
    .filter((one) => one.shelf)
    .map((one) => `curl -fsSo ${quoted(one.name)} ${location.origin}/shelf/${one.shelf}\n`)
    .join("");
/** @param {unknown} value
 * @returns {string} */
const word = (value) => (Array.isArray(value) ? value.join() || WHOLE : String(value));
/** @type {Record<string, string>} what the command calls differently */
const REPEATED = {weights: "weight", style_crops: "style-crop"};
/** @param {[string, unknown]} option */
const flags = ([name, value]) => {
  if (value === true) return [`--${name.replace("_", "-")}`];
  const called = REPEATED[name];
  return called && Array.isArray(value)
    ? value.map((one) => `--${called} ${quoted(word(one))}`)
    : [`--${name} ${quoted(word(value))}`];
};
/** @param {Form} given */
const asCommand = (given) => {
  const {photo, styles, masks, options: chosen} = given;
  const words = [
    ["adain-studio submit", ...[photo, ...styles].map((one) => quoted(one.name))].join(" "),
    ...Object.entries(chosen).flatMap(flags),
    ...masks.map((one) => `--mask ${quoted(one.name)}`),
    `--studio ${location.origin} --out painted.png`,
  ];
  return `${brought(given)}${words.join(" \\\n    ")}\n`;
};
/** @param {string} field
 * @param {Source} one */
const sent = (field, one) => `-F ${quoted(`${field}=@"${one.name.replace(/["\\]/g, "\\$&")}"`)}`;
/** @param {Form} given */
const asCurl = (given) => {
  const words = [
    `curl -fsS -c ${COOKIES} -b ${COOKIES}`,
    sent("content", given.photo),
    ...given.styles.map((one) => sent("style", one)),
    ...given.masks.map((one) => sent("mask", one)),
    `-F ${quoted(`options=${JSON.stringify(given.options)}`)}`,
    `${location.origin}/api/v1/jobs`,
  ];
  const fetched = `# ${t("program.fetch")}\n# curl -b ${COOKIES} -o painted.png ${location.origin}/api/v1/jobs/ID/result\n`;
  return `${brought(given)}${words.join(" \\\n    ")}\n${fetched}`;
};
/** A value in Python; JSON's texts, numbers and lists are Python's.
 * @param {unknown} value */
const literal = (value) => (value === true ? "True" : JSON.stringify(value));
/** @param {Source} one */
const opened = (one) => (one.shelf ? `shelf(${literal(one.shelf)})` : `Path(${literal(one.name)})`);
/** @param {Source[]} some */
const list = (some) => `[${some.map(opened).join(", ")}]`;
/** @param {Form} given */
const asPython = ({photo, styles, masks, options: chosen}) => `import os
from pathlib import Path

import httpx
from web.client import Studio

URL = ${literal(location.origin)}


def shelf(name):
    return httpx.get(f"{URL}/shelf/{name}").raise_for_status().content


with Studio(URL, key=os.environ.get("STUDIO_API_KEY", "")) as studio:
    job = studio.submit(
        ${opened(photo)},
        ${list(styles)},
${masks.length ? `        ${list(masks)},\n` : ""}${Object.entries(chosen)
  .map(([name, value]) => `        ${name}=${literal(value)},\n`)
  .join("")}    )
    for _ in studio.watch(job.id):
        pass
    Path("painted.png").write_bytes(studio.result(job.id))
`;

/* ------------------------------------------------------------ drawn */

/** @param {string} name
 * @param {string} text */
const shown = (name, text) => {
  const title = t(`program.${name}`);
  const lines = element("pre", {tabindex: 0, role: "region", "aria-label": title}, text);
  const said = element("span", {role: "status"});
  const copy = button(t("copy"), "paste", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection()?.selectAllChildren(lines);
      document.execCommand("copy");
    }
    said.textContent = t("program.copied");
  });
  return element("div", {"data-program": name}, element("h3", {}, title), lines, element("p", {}, copy, said));
};
const painted = () => {
  const regions = document.querySelector("#regions :is(textarea, input)");
  return regions instanceof HTMLElement && "value" in regions && Boolean(regions.value);
};
/** @param {HTMLElement} host */
export const start = (host) => {
  const inside = element("div", {class: "programs"});
  const draw = () => {
    if (!box.open) return;
    const given = form();
    inside.replaceChildren(
      element("p", {class: "hint"}, t(given ? "program.hint" : "program.missing")),
      ...(given && painted() && !given.masks.length ? [element("p", {class: "hint"}, t("program.painted"))] : []),
      ...(given
        ? [shown("command", asCommand(given)), shown("curl", asCurl(given)), shown("python", asPython(given))]
        : []),
    );
  };
  const box = element("details", {ontoggle: draw}, element("summary", {}, t("program")), inside);
  find(host, "#program").replaceChildren(box);
  for (const kind of ["input", "change", "picture"])
    find(document, "#form").addEventListener(kind, () => setTimeout(draw));
};
