/* What a share link shows: the picture and how it was made; or why it shows nothing. */
import {ask, sentence, status} from "../core/api.js";
import {anchor, button, message} from "../core/controls.js";
import {element, find} from "../core/dom.js";
import {ROOT, under} from "../core/place.js";
import {pass} from "../core/share.js";
import {setUpPage, t} from "../core/text.js";
import {prepare} from "../form/memory.js";
import {controls, texts} from "../form/trial.js";
import {downloads, face, facts, named, tags} from "../gallery/entry.js";

const shownHere = under(`/api/v1${location.pathname.slice(ROOT.length)}`); // of a share link or a public entry
const PHOTO = "shelf:photos/raccoon"; // for a newcomer, whose form has none
const main = find(document, "#shared");

/** Hands the address to another program, or copies it.
 * @param {string} title */
const share = (title) => {
  const said = element("span", {role: "status"});
  const knob = button(t("share.pass"), "link", async () => {
    said.textContent = (await pass(title, location.href)) ? t("copied") : "";
  });
  return element("div", {class: "actions"}, knob, said);
};
/** Opens the studio with the styles of the picture in its form.
 * @param {Api.EntryView} entry */
const tried = (entry) => {
  const said = element("span", {role: "alert"});
  const knob = button(
    t("try.style"),
    "easel",
    async () => {
      try {
        const styles = await texts(entry);
        const fields = [0, 1, 2, 3].map((place) => [`value-style-${place}`, styles[place] ?? ""]);
        prepare({...Object.fromEntries(fields), ...controls(entry)}, {"value-photo": PHOTO});
        location.href = under("/");
      } catch (error) {
        said.textContent = sentence(error);
      }
    },
    {class: "quiet strong"},
  );
  return element("div", {class: "actions"}, knob, said);
};
const home = () => anchor(t("make.yours"), "easel", {href: under("/")});
/** @param {Api.EntryView} entry */
const picture = (entry) => [
  face(entry, entry.content),
  element(
    "div",
    {class: "about"},
    element("h1", {}, named(entry)),
    tags(entry),
    entry.offered.length ? tried(entry) : null,
    downloads(entry),
    share(named(entry)),
    facts(entry),
    home(),
  ),
];
const shown = async () => {
  try {
    /** @type {Api.EntryView} */
    const entry = await ask(shownHere);
    setUpPage(named(entry));
    return picture(entry);
  } catch (error) {
    return [message("link", element("h1", {}, t(status(error) ? "link.gone" : "away.title")), sentence(error), home())];
  }
};

setUpPage();
shown().then((parts) => {
  main.replaceChildren(...parts);
  main.removeAttribute("aria-busy");
});
