export { FlightRecorder } from "./recorder";
export { FlightRecorderAspect, FlightRecorderAspectProps } from "./aspect";
export { FlightRecorderProps } from "./props";
