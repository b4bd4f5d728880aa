/* Requests to the studio. */
import {under} from "./place.js";
import {t} from "./text.js";

/** What the API refused, with the sentence that says why; status is 0 where nothing answered. */
export class Refusal extends Error {
  /**
   * @param {string} sentence
   * @param {number} [status]
   * @param {number} [after] seconds until it may be accepted; 0: not said
   * @param {Page.Message | null} [said] what was said, as code and parameters
   */
  constructor(sentence, status = 0, after = 0, said = null) {
    super(sentence);
    this.status = status;
    this.after = after;
    this.said = said;
    this.part = 0; // of what was sent in several parts
    this.parts = 0;
    /** @type {string[]} */
    this.keys = []; // of pictures that it names
  }
}
/** @param {unknown} error */
export const sentence = (error) => (error instanceof Error ? error.message : String(error));
/** @param {unknown} error */
export const status = (error) => (error instanceof Refusal ? error.status : 0);

/** Tells whether the studio answers. */
export const reached = async () => {
  try {
    return (await fetch(under("/livez"), {cache: "no-store"})).ok;
  } catch {
    return false;
  }
};
/**
 * Answers with the JSON that the API says, or raises a Refusal.
 * @param {string} address
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
export const ask = async (address, options) => {
  const answer = await fetch(address, {credentials: "same-origin", ...options}).catch(() => {
    throw new Refusal(t("away"));
  });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const problem = await answer.json().catch(() => ({}));
  const after = Number(answer.headers.get("Retry-After")) || 0;
  throw new Refusal(problem.detail || t("away"), answer.status, after, problem);
};
/**
 * @param {string} address
 * @param {object} [body]
 * @param {string} [method]
 */
export const tell = (address, body, method = "POST") =>
  ask(address, {method, headers: {"Content-Type": "application/json"}, body: JSON.stringify(body ?? {})});
