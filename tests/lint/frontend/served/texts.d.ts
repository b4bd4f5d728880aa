/* /texts.js, which the server writes: texts in the visitor's language, names of all choices. */
export const language: "en" | "ko";
export const hows: string[];
export const networks: string[];
export const colors: string[];
declare const texts: Record<string, string>;
export default texts;
