# Slots: they stay, start again with every boot, and their jobs have no rights that would outlive them.
units='muster-job.path muster-job-stop.path muster-agent.service'
at_boot() { :; }
jobs() { :; }
