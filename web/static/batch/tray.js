/* A tray: many pictures chosen by hand, from files or from a row of samples; nothing is sent yet. */
import {button} from "../core/controls.js";
import {all, element, find} from "../core/dom.js";
import {ACCEPTED, acceptDrops} from "../core/files.js";
import {icon} from "../core/icons.js";
import {shrunk} from "../core/shrink.js";
import {t} from "../core/text.js";
import {forget} from "./sending.js";

/** @typedef {{name: string, title: string, small: string, blob: () => Promise<Blob>, own?: boolean}} Choice */

/** @param {Page.Sample} sample */
const ofSample = (sample) => ({
  ...sample,
  name: `${sample.name}.jpg`,
  blob: async () => (await fetch(sample.whole)).blob(),
});
/** A file as it is or, if it is too large to be sent, smaller.
 * @param {File} file
 * @returns {Promise<Blob>} */
const fitting = async (file) => {
  const most = Number(find(document, ".field").dataset.most);
  return (file.size > most && (await shrunk(file, most).catch(() => null))) || file;
};
/** @param {File} file */
const ofFile = (file) => ({
  name: file.name,
  title: file.name,
  small: URL.createObjectURL(file),
  blob: () => fitting(file),
  own: true,
});

/**
 * @param {"photos" | "styles"} kind
 * @param {Page.Sample[]} samples
 * @param {() => void} changed is called when something was chosen or taken away
 */
export const tray = (kind, samples, changed) => {
  /** @type {Map<string, Choice>} */
  const chosen = new Map();
  const list = element("div", {class: "picked", role: "group", "aria-label": t(`batch.${kind}`)});
  const draw = () => {
    list.replaceChildren(
      ...[...chosen].map(([key, one]) =>
        element(
          "div",
          {class: "pick"},
          element("img", {src: one.small, alt: one.title, title: one.title}),
          element(
            "button",
            {type: "button", "aria-label": t("batch.remove", {name: one.title}), onclick: () => drop(key)},
            icon("close"),
          ),
        ),
      ),
      adder,
    );
    emptier.hidden = chosen.size < 2;
    for (const knob of all(row, ":scope > *"))
      knob.setAttribute("aria-pressed", String(chosen.has(knob.dataset.key ?? "")));
    changed();
  };
  /** @param {string} key */
  const drop = (key) => {
    const one = chosen.get(key);
    if (one?.own) URL.revokeObjectURL(one.small);
    chosen.delete(key);
    forget(key);
    draw();
  };
  const clear = () => [...chosen.keys()].forEach(drop);
  /** @param {Iterable<File>} files */
  const add = (files) => {
    for (const file of files) {
      const key = `${file.name} ${file.size} ${file.lastModified}`;
      if (!chosen.has(key)) chosen.set(key, ofFile(file));
    }
    draw();
  };
  /** @param {Page.Sample} sample */
  const toggle = (sample) => {
    const key = `sample ${sample.name}`;
    if (chosen.has(key)) return drop(key);
    chosen.set(key, ofSample(sample));
    draw();
  };
  const field = element("input", {
    type: "file",
    accept: ACCEPTED,
    multiple: true,
    "aria-label": t(`batch.add.${kind}`),
    onchange: () => {
      add([...(field.files ?? [])]);
      field.value = "";
    },
  });
  const adder = element(
    "label",
    {class: "adder"},
    icon(kind === "photos" ? "photo" : "easel"),
    element("span", {}, t(`batch.add.${kind}`)),
    field,
  );
  const emptier = button(t("batch.clear"), "close", clear, {class: "quiet emptier"});
  /** @param {Page.Sample} sample */
  const knob = (sample) =>
    element(
      "button",
      {type: "button", "data-key": `sample ${sample.name}`, title: sample.title, onclick: () => toggle(sample)},
      element("img", {src: sample.small, alt: sample.title, width: 64, height: 64, loading: "lazy"}),
    );
  const row = element("div", {class: "shelf", role: "group", "aria-label": t(`shelf.${kind}`)}, samples.map(knob));
  const box = element(
    "section",
    {class: "tray", "data-kind": kind},
    element("h2", {}, t(`batch.${kind}`)),
    list,
    emptier,
    row,
  );
  acceptDrops(box, add);
  draw();
  return {
    box,
    add,
    /** What is chosen, by keys. */
    chosen: () => [...chosen.keys()].map((key) => ({key})),
    /** One after the other: large photos are decoded to be made smaller.
     * @returns {Promise<import("./sending.js").Picture[]>} */
    files: async () => {
      const found = [];
      for (const [key, one] of chosen) found.push({key, name: one.name, file: await one.blob()});
      return found;
    },
  };
};
