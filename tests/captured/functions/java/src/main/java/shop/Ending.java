package shop;

import java.util.concurrent.TimeoutException;

/** The ends of an invocation, by the word in the event. */
final class Ending {
    private static final int LONG = 20_000;

    private Ending() {}

    /** Ends the invocation as told; a healthy one comes back. */
    static String of(String kind) {
        switch (kind) {
            case "error":
                throw new IllegalStateException("cargo-5d1f told to fail");
            case "caused":
                throw new IllegalStateException("cargo-5d1f checkout failed", new TimeoutException("bank"));
            case "no message":
                throw new IllegalStateException();
            case "no frames":
                throw new Frameless("cargo-5d1f not found");
            case "own text":
                throw new Refusal(17);
            case "long":
                throw new IllegalStateException("cargo-5d1f " + "x".repeat(LONG));
            case "exit":
                System.exit(3);
                return kind;
            default:
                return kind;
        }
    }

    /** An exception without frames, as for control flow, and as the JIT makes of frequent ones. */
    static final class Frameless extends RuntimeException {
        Frameless(String message) {
            super(message, null, false, false);
        }
    }

    /** An exception with a text of its own. */
    static final class Refusal extends RuntimeException {
        private final int order;

        Refusal(int order) {
            super("cargo-5d1f order " + order);
            this.order = order;
        }

        @Override
        public String toString() {
            return "Refusal{order=" + order + "}";
        }
    }
}
