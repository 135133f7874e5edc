// Init is the first process of the guest. It mounts what the probes read, loads
// modules, takes measurements, judges the machine and writes the report to every
// console. Then it ends the machine.
//
// Started as an ordinary program in any Linux guest it mounts nothing, loads
// nothing, prints the report and exits with the verdict's status.
package main
