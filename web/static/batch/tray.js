/* A tray: many pictures chosen by hand, from files or from a row of samples; nothing is sent yet. */
import {element} from "../core/dom.js";
import {icon} from "../core/icons.js";
import {t} from "../core/text.js";

const ACCEPTED = "image/*,.heic,.heif";

/* kind is photos or styles; samples are [{name, title, small, whole}], addresses; changed is told. */
export const tray = (kind, samples, changed) => {
  const chosen = new Map(); // key → {name, title, small, blob}: a file, or an address to fetch it from
  const list = element("div", {class: "picked", role: "group", "aria-label": t(`batch.${kind}`)});
  const draw = () => {
    list.replaceChildren(...[...chosen].map(([key, one]) => element("div", {class: "pick"},
      element("img", {src: one.small, alt: one.title, title: one.title}),
      element("button", {type: "button", "aria-label": t("batch.remove", {name: one.title}), onclick: () => drop(key)}, icon("close")),
    )), adder);
    for (const knob of row.children) knob.setAttribute("aria-pressed", String(chosen.has(knob.dataset.key)));
    changed();
  };
  const drop = (key) => {
    if (chosen.get(key)?.own) URL.revokeObjectURL(chosen.get(key).small);
    chosen.delete(key);
    draw();
  };
  const add = (files) => {
    for (const file of files) {
      const key = `${file.name} ${file.size} ${file.lastModified}`;
      if (!chosen.has(key)) chosen.set(key, {name: file.name, title: file.name, small: URL.createObjectURL(file), blob: async () => file, own: true});
    }
    draw();
  };
  const toggle = (sample) => {
    const key = `sample ${sample.name}`;
    if (chosen.delete(key)) return draw();
    chosen.set(key, {...sample, name: `${sample.name}.jpg`, blob: async () => (await fetch(sample.whole)).blob()});
    draw();
  };
  const field = element("input", {type: "file", accept: ACCEPTED, multiple: true, "aria-label": t(`batch.add.${kind}`), onchange: () => { add([...field.files]); field.value = ""; }});
  const adder = element("label", {class: "adder"}, icon(kind === "photos" ? "photo" : "easel"), element("span", {}, t(`batch.add.${kind}`)), field);
  const knob = (sample) => element("button", {type: "button", "data-key": `sample ${sample.name}`, title: sample.title, onclick: () => toggle(sample)},
    element("img", {src: sample.small, alt: sample.title, width: 64, height: 64, loading: "lazy"}));
  const row = element("div", {class: "shelf", role: "group", "aria-label": t(`shelf.${kind}`)}, samples.map(knob));
  const box = element("section", {
    class: "tray", "data-kind": kind,
    ondragover: (event) => { event.preventDefault(); box.classList.add("over"); },
    ondragleave: () => box.classList.remove("over"),
    ondrop: (event) => { event.preventDefault(); box.classList.remove("over"); add([...event.dataTransfer.files]); },
  }, element("h2", {}, t(`batch.${kind}`)), list, row);
  draw();
  return {
    box, add,
    count: () => chosen.size,
    clear: () => { [...chosen.keys()].forEach(drop); },
    files: () => Promise.all([...chosen.values()].map(async (one) => [await one.blob(), one.name])),
  };
};
