// Works out what an order costs; "mishap" in the event says what goes wrong with this one.
import { setTimeout as sleep } from "node:timers/promises";

const ARTICLES = ["teapot", "strainer", "tea"];

export async function handler({ order, mishap }) {
  console.log(`order ${order}: price list 2026-11, customer group "regular"`);
  for (const article of ARTICLES) {
    console.log(`order ${order}: ${article}: list price found`);
    console.log(`order ${order}: ${article}: discount of 5 % for regulars`);
  }
  console.log(`order ${order}: shipping to zone 2`);
  await goWrong(mishap, order);
  console.log(`order ${order}: total 59.90 EUR`);
  return { order, total: "59.90" };
}

async function goWrong(mishap, order) {
  switch (mishap) {
    case "slow":
      return sleep(1000);
    case "asked":
      return console.log(`order ${order}: a new price list, keep-this-one`);
    case "error-line":
      return console.error(`order ${order}: exchange rate is two days old, used all the same`);
    case "exception":
      throw new RangeError(`no shipping price for order ${order}`);
    case "exit":
      return process.exit(5);
    case "hang":
      console.warn(`order ${order}: waiting for the tax service`);
      return sleep(60_000);
  }
}
