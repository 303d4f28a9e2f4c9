package shop;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.util.Map;

/** A function that writes with the client's own logger and to standard output. */
public final class Plain implements RequestHandler<Map<String, String>, String> {
    @Override
    public String handleRequest(Map<String, String> event, Context context) {
        LambdaLogger log = context.getLogger();
        log.log("cargo-5d1f begins", LogLevel.INFO);
        log.log("cargo-5d1f without a level\n");
        log.log("cargo-5d1f stock is low", LogLevel.WARN);
        if (event.get("kind").equals("handled")) {
            log.log("cargo-5d1f told to write an error", LogLevel.ERROR);
        }
        System.out.println("cargo-5d1f to standard output");
        System.err.println("cargo-5d1f to standard error");
        return Ending.of(event.get("kind"));
    }
}
