# Writes the lines that the event asks for, and ends in the way that it names.
MARK = '/tmp/flight-recorder-prove'
$stdout.sync = true

def handler(event:, context:)
  stem, count, label = event.values_at('stem', 'count', 'label')
  stream = ENV.fetch('AWS_LAMBDA_LOG_STREAM_NAME', '')
  before = File.exist?(MARK) ? File.read(MARK) : ''
  File.write(MARK, "#{label} #{stream}")
  1.upto(count) { |number| puts "#{stem} line #{number} of #{count}" }
  case event['way']
  when 'error-line' then puts "[ERROR] #{stem} error line"
  when 'exception' then raise ArgumentError, "made to fail: #{label}"
  when 'timeout' then sleep 900
  when 'exit' then Process.exit!(3)
  when 'memory'
    hoard = []
    loop { hoard << ('x' * 8_000_000) }
  end
  { before: before, stream: stream, requestId: context.aws_request_id }
end
