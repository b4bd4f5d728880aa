/* A sentence at the foot of the page, with what undoes what it says. */
import {button} from "./controls.js";
import {element} from "./dom.js";

const LASTS = 10000; // milliseconds, longer while the pointer or the focus is on it

const box = element("div", {class: "toast", role: "status", hidden: true});
let timer = 0;
let passed = () => {};

const close = () => {
  clearTimeout(timer);
  box.hidden = true;
  const last = passed;
  passed = () => {};
  last();
};
const wait = () => {
  clearTimeout(timer);
  timer = setTimeout(() => (box.matches(":hover, :focus-within") ? wait() : close()), LASTS);
};
/**
 * Says a sentence for a while; the one before goes.
 * @param {string} text
 * @param {string} verb what the button says
 * @param {() => unknown} undo
 * @param {() => unknown} [gone] what is done if it was not undone
 */
export const offer = (text, verb, undo, gone = () => {}) => {
  close();
  passed = gone;
  const knob = button(verb, "back", () => {
    passed = () => {};
    close();
    undo();
  });
  box.replaceChildren(element("span", {}, text), knob);
  if (!box.isConnected) (document.querySelector(".gradio-container") ?? document.body).append(box);
  box.hidden = false;
  wait();
};
