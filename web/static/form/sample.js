/* The sample that a new visitor finds in the form and on the stage, painted already: no job and no
 * preview is made of it.
 */
import {button, compare} from "../core/controls.js";
import {element, find} from "../core/dom.js";
import {under} from "../core/place.js";
import {t} from "../core/text.js";
import {names, put, value} from "../studio/field.js";
import {address} from "../studio/uploads.js";

const PHOTO = "shelf:photos/raccoon",
  STYLE = "shelf:styles/woodcut";
const PAINTED = under("/page/sample/painted.webp"); // python -m tests.samples_drawing.painted writes it
const [WIDTH, HEIGHT] = [640, 480];

const empty = () => !value("photo") && !names("style").some(value);
/** Puts the sample into a form that is empty. */
export const begin = () => {
  if (!empty()) return;
  put("photo", PHOTO);
  put(names("style")[0], STYLE);
};
/** Tells whether the form has the sample's pictures. */
export const chosen = () =>
  value("photo") === PHOTO && names("style").every((name, place) => value(name) === (place ? "" : STYLE));
/** What the stage shows of it. */
export const drawn = () => [
  compare(PAINTED, address(PHOTO), WIDTH, HEIGHT),
  element("p", {class: "hint sample"}, t("sample.hint")),
  button(t("sample.own"), "upload", () => find(document, "#photo input[type=file]").click(), {class: "quiet own"}),
];
