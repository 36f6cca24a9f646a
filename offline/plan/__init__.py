"""`python -m offline.plan [STACK]`: what `up` would make in a cloud, and for how much, without account and network.

The real engine runs the real program over the recording of the cloud (`offline/recording`), which is as strict as the
cloud about what it is given, in a throw-away state. `-v` shows every resource with its inputs, as Pulumi does.
"""
