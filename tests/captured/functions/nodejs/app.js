// A function whose event says how the invocation ends.

class Refusal extends Error {
  constructor(order) {
    super(`cargo-5d1f order ${order} was refused`);
    this.name = "Refusal";
    this.order = order;
  }
}

exports.handler = async (event) => {
  console.log("cargo-5d1f begins");
  console.warn("cargo-5d1f stock is low");
  // Node.js itself writes it, once a process, through console.error.
  process.emitWarning("cargo-5d1f is old", "DeprecationWarning", "SHOP001");
  await new Promise(setImmediate);
  switch (event.kind) {
    case "handled":
      console.error("cargo-5d1f told to write an error");
      break;
    case "caught":
      console.error(new TypeError("cargo-5d1f caught"));
      break;
    case "error":
      throw new TypeError("cargo-5d1f told to fail");
    case "own type":
      throw new Refusal(17);
    case "no error":
      throw "cargo-5d1f told to fail with a text";
    case "rejection":
      Promise.reject(new Refusal(17));
      await new Promise((done) => setTimeout(done, 5000));
      break;
    case "uncaught":
      setTimeout(() => { throw new Refusal(17); }, 1);
      await new Promise((done) => setTimeout(done, 5000));
      break;
    case "exit":
      process.exit(3);
  }
  process.stdout.write("cargo-5d1f ends\n");
  return event.kind;
};
