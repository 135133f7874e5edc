// Package guest shows a guest as a file system, live or captured.
//
// Package look looks at what is not a file, and package trial makes things happen.
// What they find lies as text under vmspec/: see package note.
//
// # A captured guest
//
// A capture is a .tar.gz of the notes and of those of the following files that the
// guest has. Its first file, MANIFEST, says which patterns the capture covers, and
// which files could not be read. Below the patterns absence is a fact; elsewhere
// nothing is known.
//
//	boot/config-*, lib/modules/*      the kernel's configuration, and what its modules drive
//	proc                              cmdline config.gz consoles cpuinfo filesystems interrupts
//	                                  iomem meminfo modules version self/mountinfo
//	                                  sys/kernel/osrelease tty/drivers tty/driver/*
//	sys/block                         size, block size and driver of each disk
//	sys/bus                           acpi (names), amba, pci (with configuration space and
//	                                  BARs), pci_express, platform, virtio, vmbus, xen: drivers and nodes;
//	                                  which of the drivers of probes/device there are
//	sys/class                         dmi/id (vendor, version, date, product), net (type, state,
//	                                  MTU, driver), rtc (name, hctosys), tpm (version), tty
//	sys/devices/system                clocksource, cpu
//	sys/firmware/acpi/tables          names of all; FACP APIC GTDT SPCR DBG2 MCFG PPTT IORT DSDT
//	sys/firmware/efi                  systab, word size, names of the variables, and the
//	                                  contents of BootCurrent, BootOrder and Boot####
//	sys/firmware/fdt                  the device tree
//	sys/hypervisor                    type, version, features, kind of guest
//	sys/kernel                        debug/psci, debug/devices_deferred, debug/virtio-ports, the TPM's event log
//	sys/module                        names
//
// It holds no other variable of UEFI, no Ethernet address and no serial number
// or UUID of the machine: interfaces are captured without their addresses and
// SMBIOS as counts, and where such a number stands within another file (the
// command line, the device tree, the kernel's log, a boot variable's device
// path) its digits are overwritten. The configuration space of a PCI function
// is as the function shows it.
package guest
