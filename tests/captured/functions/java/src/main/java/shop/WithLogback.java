package shop;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A function that writes with Logback to standard output, as it does without a configuration. */
public final class WithLogback implements RequestHandler<Map<String, String>, String> {
    private static final Logger LOG = LoggerFactory.getLogger(WithLogback.class);

    @Override
    public String handleRequest(Map<String, String> event, Context context) {
        LOG.info("cargo-5d1f begins");
        Exception slow = new TimeoutException();
        LOG.warn("cargo-5d1f retry 1: " + slow, slow);
        switch (event.get("kind")) {
            case "handled" -> LOG.error("cargo-5d1f told to write an error");
            case "caught" -> LOG.error("cargo-5d1f caught", new IllegalStateException("cargo-5d1f told to fail"));
            default -> { }
        }
        return Ending.of(event.get("kind"));
    }
}
