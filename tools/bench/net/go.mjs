// Runs Go, the one that the product is built with, in the folder of the caller.
import { findGo, goEnv, run } from '@peerdeck/pion_webrtc/go-tool';

process.exit(run(findGo(), process.argv.slice(2), goEnv()));
