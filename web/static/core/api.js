import {t} from "./text.js";

/* Tells whether the studio answers. */
export const reached = async () => {
  try { return (await fetch("/livez", {cache: "no-store"})).ok; } catch (error) { return false; }
};
/* Answers with what the API says, or raises its sentence. */
export const ask = async (address, options) => {
  const answer = await fetch(address, {credentials: "same-origin", ...options}).catch(() => { throw new Error(t("away")); });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(problem.detail || t("away")), {status: answer.status});
};
export const tell = (address, body, method = "POST") =>
  ask(address, {method, headers: {"Content-Type": "application/json"}, body: JSON.stringify(body ?? {})});
