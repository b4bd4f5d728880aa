/* Types of the page's scripts that JSDoc says badly. */

declare namespace Page {
  type Part = Node | string | null | undefined;
  type Parts = Part | Part[];
  type Handlers<E> = {
    [K in keyof HTMLElementEventMap as `on${K}`]?: (event: HTMLElementEventMap[K] & { currentTarget: E }) => unknown;
  };
  /** Attributes and handlers; null, undefined and false leave an attribute out. */
  type Given<E> = Handlers<E> & { [name: string]: unknown };
  /** Gradio's: calls an event of the component that a script belongs to. */
  type Trigger = (event: string, data: object) => void;
  /** What the address bar says; page 0 is the endless list. */
  type Place = { view: string; scope: "mine" | "public"; page: number; entry: string | null; filters: URLSearchParams };
  /** A job, and whether the visitor has just cancelled it. */
  type Job = Api.JobView & { cancelling?: boolean };
  type Settings = Pick<Api.Options, "alpha" | "color" | "effort" | "method" | "size">;
  type Sample = { name: string; title: string; credit: string; small: string; whole: string; text: string };
  /** What is used of a picture, shares from 0 to 1. */
  type Frame = { left: number; top: number; right: number; bottom: number };
  /** What was said, as the API's problems have it; a parameter may be a message too. */
  type Message = { code?: string; params?: Record<string, unknown> };
  type Spot = { x: number; y: number };
}
