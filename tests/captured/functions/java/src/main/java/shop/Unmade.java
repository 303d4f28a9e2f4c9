package shop;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

/** A function that cannot be made: it fails in the init phase. */
public final class Unmade implements RequestHandler<Map<String, String>, String> {
    public Unmade() {
        throw new IllegalStateException("cargo-5d1f no configuration");
    }

    @Override
    public String handleRequest(Map<String, String> event, Context context) {
        return "";
    }
}
