package shop;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;

/** A function that writes with Log4j 2 through Lambda's appender, as the appender's own page sets it up. */
public final class WithLog4j implements RequestHandler<Map<String, String>, String> {
    private static final Logger LOG = LogManager.getLogger(WithLog4j.class);

    @Override
    public String handleRequest(Map<String, String> event, Context context) {
        LOG.info("cargo-5d1f begins");
        Exception slow = new TimeoutException();
        LOG.warn("cargo-5d1f retry 1: " + slow, slow);
        switch (event.get("kind")) {
            case "handled" -> LOG.error("cargo-5d1f told to write an error");
            case "caught" -> LOG.error("cargo-5d1f caught", new IllegalStateException("cargo-5d1f told to fail"));
            case "fatal" -> LOG.fatal("cargo-5d1f giving up");
            default -> { }
        }
        return Ending.of(event.get("kind"));
    }
}
