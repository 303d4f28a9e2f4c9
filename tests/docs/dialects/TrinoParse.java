// Parses a statement from standard input with Trino's own parser. Prints the tree, or the fault and exits with 1.
import io.trino.sql.parser.ParsingException;
import io.trino.sql.parser.SqlParser;
import java.nio.charset.StandardCharsets;

public final class TrinoParse {
    public static void main(String[] words) throws Exception {
        String sql = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        try {
            System.out.println(new SqlParser().createStatement(sql));
        } catch (ParsingException error) {
            System.out.println(error.getMessage());
            System.exit(1);
        }
    }
}
